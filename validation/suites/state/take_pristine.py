"""Write the state that wheels give in a clean environment: `... take_pristine FOLDER`.

FOLDER has `wheels/`, and in `task.json` the names of the wheels there, and the packages that the
stack is for (`required`). `out/state.json` gets the state of each way, and the modules to import.

It is run by the Python of the system, without the variables of the image.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
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
    """Install the wheels and look."""
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    work = Path(tempfile.mkdtemp())
    prefix, home = work / "venv", work / "home"
    home.mkdir()
    _run(sys.executable, "-m", "venv", "--without-pip", str(prefix))
    python = str(prefix / "bin" / "python")
    wheels = [str(folder / "wheels" / file) for file in task["wheels"]]
    pip = next(path for path in wheels if Path(path).name.startswith("pip-"))
    _run(python, f"{pip}/pip", "install", *_OFFLINE, *wheels)
    clean = {"PATH": f"{prefix}/bin:{_SYSTEM}", "HOME": str(home), "LANG": "C.UTF-8"}
    found: dict[str, Any] = {}
    for way in WAYS:
        # the profile of the image leads to the image's own Python
        started = FRESH if way == LOGIN_SHELL else way
        found[way] = found.get(started) or ways.read_state(started, str(prefix), clean, (), LIMIT_S)
    imports: list[str] = json.loads(_run(python, "-c", _MODULES, json.dumps(task["required"])))
    if imports:
        found[IMPORTED] = ways.read_state(FRESH, str(prefix), clean, imports, LIMIT_S)
    for state in found.values():  # an image has its own
        state["os.environ"] = {
            name: value for name, value in state["os.environ"].items() if name not in clean
        }
    written = json.dumps({"ways": found, "imports": imports})
    (folder / "out" / "state.json").write_text(written, encoding="utf-8")


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
