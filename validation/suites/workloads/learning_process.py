"""The process that learns online: started, killed at a known point, started again."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from .. import new_python
from ..outcome import require
from . import online_learning
from .online_learning import CHECKPOINT, EVERY, FINAL, HALF_WRITTEN

KILLED_AT = 5 * EVERY
"""The process is killed after as many samples, with half of that checkpoint written."""


def kill_half_way(folder: Path, device: str) -> dict[str, Any]:
    """Return the checkpoint of a process that was killed (SIGKILL) at KILLED_AT."""
    process = subprocess.Popen(
        [sys.executable, *_command_words(folder, device, KILLED_AT)],
        env=_process_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    printed = ""
    try:
        if process.stdout and select.select([process.stdout], [], [], new_python.LIMIT_S)[0]:
            printed = process.stdout.readline().decode(errors="replace").strip()
    finally:
        process.kill()
        _, stderr = process.communicate()
    ended = new_python.InterpreterExit(process.returncode, stderr)
    require(
        printed == HALF_WRITTEN and process.returncode == -signal.SIGKILL,
        f"learning {ended}, before it was to be killed",
        f"it to come to sample {KILLED_AT}",
        "a crash of its own, or a hang",
    )
    return _load_state(folder / CHECKPOINT)


def resume_learning(folder: Path, device: str) -> dict[str, Any]:
    """Return the final state of a second process, which continues from the checkpoint."""
    ended = new_python.run_python(_command_words(folder, device), folder, _process_environment())
    require(
        ended.code == 0,
        f"resumed, learning {ended}",
        "it to come to the end of the stream",
        "a checkpoint that cannot be loaded",
    )
    return _load_state(folder / FINAL)


def _command_words(folder: Path, device: str, halt_at: int = 0) -> list[str]:
    return ["-m", online_learning.__name__, str(folder), device, str(halt_at)]


def _process_environment() -> dict[str, str]:
    """Return an environment in which a new process finds this package, last on its path."""
    code = str(Path(__file__).resolve().parents[__name__.count(".")])
    before = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{before}{os.pathsep}{code}" if before else code}


def _load_state(path: Path) -> dict[str, Any]:
    require(
        path.exists(),
        f"learning left no {path.name}",
        "one",
        "a process that ended early without a word",
    )
    return dict(torch.load(path, weights_only=True, map_location="cpu"))
