"""Write the state that wheels give in a clean environment: `... take_pristine FOLDER`.

FOLDER has `wheels/`, and in `task.json` the names of the wheels there, and the packages that the
stack is for (`required`). `out/state.json` gets the state of each way, and the modules to import.

It is run by the Python of the system, without the variables of the image.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .. import clean_environment
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
    made = clean_environment.make_environment(folder, task["wheels"])
    python, clean = made.python, made.variables
    found: dict[str, Any] = {}
    for way in WAYS:
        # the profile of the image leads to the image's own Python
        started = FRESH if way == LOGIN_SHELL else way
        found[way] = found.get(started) or ways.read_state(started, made.prefix, clean, (), LIMIT_S)
    imports: list[str] = json.loads(
        clean_environment.run(python, "-c", _MODULES, json.dumps(task["required"]))
    )
    if imports:
        found[IMPORTED] = ways.read_state(FRESH, made.prefix, clean, imports, LIMIT_S)
    for state in found.values():  # an image has its own
        state["os.environ"] = {
            name: value for name, value in state["os.environ"].items() if name not in clean
        }
    written = json.dumps({"ways": found, "imports": imports})
    (folder / "out" / "state.json").write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
