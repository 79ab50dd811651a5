"""A virtual environment of the system's Python that holds wheels, and nothing of the image.

It is made by the Python of the system, without the variables of the image.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OFFLINE = ("--quiet", "--no-index", "--no-deps", "--no-compile", "--no-cache-dir")


@dataclass(frozen=True)
class CleanEnvironment:
    """The path of an environment, its Python, and the variables of its processes."""

    prefix: str
    python: str
    variables: dict[str, str]


def make_environment(folder: Path, files: Sequence[str]) -> CleanEnvironment:
    """Install wheels of `folder/wheels`; end the process with pip's error if it fails."""
    work = Path(tempfile.mkdtemp())
    prefix, home = work / "venv", work / "home"
    home.mkdir()
    run(sys.executable, "-m", "venv", "--without-pip", str(prefix))
    python = str(prefix / "bin" / "python")
    wheels = [str(folder / "wheels" / file) for file in files]
    pip = next(path for path in wheels if Path(path).name.startswith("pip-"))
    run(python, f"{pip}/pip", "install", *_OFFLINE, *wheels)
    variables = {"PATH": f"{prefix}/bin:{_SYSTEM}", "HOME": str(home), "LANG": "C.UTF-8"}
    return CleanEnvironment(str(prefix), python, variables)


def run(*words: str, variables: Mapping[str, str] | None = None) -> str:
    """Return the output of a program; end with its error if it fails.

    Without `variables` it has those of this process but PYTHONPATH.
    """
    if variables is None:
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing printed"])[-1]
        sys.exit(f"{' '.join(words[:4])} exits {done.returncode}: {last}")
    return done.stdout
