"""Write the state that wheels give in a clean environment: `... take_pristine FOLDER`.

FOLDER has `wheels/`, and in `task.json` the files of `base` there, the further ones of a `stack`
by package, and the packages that it is for (`required`). The environment of base is kept in
FOLDER/venv for the next stack. `state.json` gets the state of each way, and the modules to import.

It is run by the Python of the system, without the variables of the image.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..contract.pristine_state import FRESH, IMPORTED, LOGIN_SHELL, WAYS
from . import ways

LIMIT_S = 600
"""Of one process: nobody waits for it, and the machine may be busy."""

_MODULES = """
import json, re, sys
from importlib.metadata import packages_distributions
wanted = set(json.loads(sys.argv[1]))
found = packages_distributions().items()
def is_wanted(packages):
    return wanted & {re.sub(r"[-_.]+", "-", each).lower() for each in packages}
names = sorted(name for name, packages in found if is_wanted(packages))
print(json.dumps([name for name in names if name.isidentifier() and name[0] != "_"]))
"""
"""Prints the modules that packages bring."""


def main(folder: Path) -> None:
    """Install what is missing, look, and remove what is not of base."""
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    pip = _CleanPip(folder, next(file for file in task["base"] if file.startswith("pip-")))
    if not pip.prefix.is_dir():
        _run(sys.executable, "-m", "venv", "--without-pip", str(pip.prefix))
        pip.install(task["base"])
    pip.install([*task["stack"].values()])
    home = folder / "home"
    home.mkdir(exist_ok=True)
    clean = {"PATH": f"{pip.prefix}/bin:{_SYSTEM}", "HOME": str(home), "LANG": "C.UTF-8"}
    found: dict[str, Any] = {}
    for way in WAYS:
        # the profile of the image leads to the image's own Python
        started = FRESH if way == LOGIN_SHELL else way
        found[way] = found.get(started) or ways.read_state(
            started, str(pip.prefix), clean, (), LIMIT_S
        )
    imports: list[str] = json.loads(pip.run_python("-c", _MODULES, json.dumps(task["required"])))
    if imports:
        found[IMPORTED] = ways.read_state(FRESH, str(pip.prefix), clean, imports, LIMIT_S)
    if task["stack"]:
        pip.run_pip("uninstall", "--yes", "--quiet", *task["stack"])
    for state in found.values():  # an image has its own
        state["os.environ"] = {
            name: value for name, value in state["os.environ"].items() if name not in clean
        }
    written = json.dumps({"ways": found, "imports": imports})
    (folder / "state.json").write_text(written, encoding="utf-8")


class _CleanPip:
    """pip as it is in its wheel, and the clean environment that it installs into."""

    def __init__(self, folder: Path, wheel: str) -> None:
        self.prefix = folder / "venv"
        self._wheels = folder / "wheels"
        self._pip = self._wheels / wheel / "pip"

    def install(self, files: Sequence[str]) -> None:
        """Install wheels, and nothing that they require."""
        if files:
            self.run_pip("install", *_OFFLINE, *(str(self._wheels / file) for file in files))

    def run_pip(self, *words: str) -> None:
        """Run a command of pip."""
        self.run_python(str(self._pip), *words)

    def run_python(self, *words: str) -> str:
        """Return what the Python of the environment prints."""
        return _run(str(self.prefix / "bin" / "python"), *words)


_SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OFFLINE = ("--quiet", "--no-index", "--no-deps", "--no-compile", "--no-cache-dir")


def _run(*words: str) -> str:
    """Return what a program prints; end with its error if it fails."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing printed"])[-1]
        sys.exit(f"{' '.join(words[:4])} exits {done.returncode}: {last}")
    return done.stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]))
