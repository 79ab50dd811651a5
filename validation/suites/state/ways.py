"""Processes with torch as users start them, and the state that each finds.

Standard library only: a clean environment has nothing else.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..contract.pristine_state import COMPILER, LOGIN_SHELL, RANK

PROBE = Path(__file__).with_name("probe.py")
LIMIT_S = 100
LOCAL = "127.0.0.1"
PORT = 29500
"""A container has ports of its own."""


class NoState(Exception):
    """A process did not tell its state; the message says how it ended."""


def read_state(
    way: str,
    prefix: str,
    environment: Mapping[str, str],
    imports: Sequence[str] = (),
    limit_s: float = LIMIT_S,
) -> dict[str, Any]:
    """Return the state of a process that is started as `way` with the Python of `prefix`.

    It may take `limit_s` seconds. Raises NoState.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "state.json"
        inherited = ",".join(environment) if way in (LOGIN_SHELL, RANK, COMPILER) else ""
        words = [str(PROBE), str(file), way, inherited, ",".join(imports)]
        command = _start_command(way, prefix, words)
        try:
            done = subprocess.run(
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=limit_s,
            )
        except subprocess.TimeoutExpired:
            raise NoState(f"it still runs after {limit_s:.0f} s") from None
        except OSError as error:
            raise NoState(f"{command[0]}: {error.strerror}") from None
        if done.returncode or not file.exists():
            printed = (done.stdout + done.stderr).strip().splitlines() or ["nothing printed"]
            raise NoState(f"exit {done.returncode}, {printed[-1]}")
        state: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return state


def _start_command(way: str, prefix: str, words: Sequence[str]) -> list[str]:
    python = f"{prefix}/bin/python"
    if way == LOGIN_SHELL:  # by its name: the shell finds it on the path that it sets
        return ["bash", "-lc", shlex.join(["python", "-P", *words])]
    if way == RANK:
        place = [f"--master-addr={LOCAL}", f"--master-port={PORT}", f"--local-addr={LOCAL}"]
        return [f"{prefix}/bin/torchrun", "--nproc-per-node=1", *place, *words]
    return [python, "-P", *words]
