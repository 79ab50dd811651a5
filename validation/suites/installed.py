"""What is installed in the image, told apart from the harness that is mounted beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path

_BIN = Path(sys.prefix) / "bin"


def own_distributions() -> tuple[Distribution, ...]:
    """The image's packages: those under the interpreter's own prefix."""
    return tuple(found for found in distributions() if Path(str(found.locate_file(""))).is_relative_to(sys.prefix))


def console_scripts() -> tuple[EntryPoint, ...]:
    """Every command that a package of the image declares."""
    return tuple(
        entry for found in own_distributions() for entry in found.entry_points if entry.group == "console_scripts"
    )


def script_problem(name: str) -> str:
    """Why the command `name` cannot start; empty where it can."""
    path = _BIN / name
    if not path.is_file():
        return f"{path} is missing"
    if not os.access(path, os.X_OK):
        return f"{path} is not executable"
    with path.open("rb") as file:
        first = file.readline().decode(errors="replace").strip()
    interpreter = Path(first.removeprefix("#!").split(" ")[0])
    return "" if first.startswith("#!") and interpreter.exists() else f"{path} begins with `{first}`"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """A command as a user of the image would run it, the harness not on its path."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)


def problem(done: subprocess.CompletedProcess[str]) -> str:
    """Its exit code and the last line it printed."""
    said = (done.stdout + done.stderr).strip().splitlines() or ["nothing printed"]
    return f"exit {done.returncode}, {said[-1]}"
