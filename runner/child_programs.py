"""The one place where another program is started: with the variables of a list and no others.

A test holds that no other module of the host starts one.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from runner.child_variables import SYSTEM, AllowedVariables, choose_variables

NEUTRAL_FOLDER = "/"
"""The working folder of every program. Only the system writes there, and nothing is above it: a
file of the folder that a person is in configures no program, and its code is not imported.
"""

PIPE = subprocess.PIPE
JOIN_OUTPUT = subprocess.STDOUT


def start_program(  # noqa: PLR0913 - keyword-only knobs of one call
    words: Sequence[str],
    *,
    allowed: AllowedVariables,
    extra: Mapping[str, str],
    stdout: int | IO[Any] = PIPE,
    stderr: int | IO[Any] = PIPE,
    takes_input: bool = False,
    folder: str | Path = NEUTRAL_FOLDER,
    is_leader: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a program, which gets the variables that `allowed` lists, and `extra`.

    Without `takes_input` it reads nothing. A leader has a session and a process group of its own.
    Raises OSError.
    """
    return subprocess.Popen(
        words,
        stdin=PIPE if takes_input else subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        env={**choose_variables(allowed), **extra},
        cwd=folder,
        start_new_session=is_leader,
    )


def run_quietly(
    words: Sequence[str], timeout_s: float, allowed: AllowedVariables = SYSTEM
) -> str | None:
    """Return what a program of the system printed; None if it fails, hangs or is not there.

    It is not shown, and it runs also while a run is interrupted.
    """
    try:
        with start_program(words, allowed=allowed, extra={}, stderr=subprocess.DEVNULL) as process:
            try:
                output, _ = process.communicate(timeout=timeout_s)
            except BaseException:  # else the block would wait for it, and it would stay
                process.kill()
                raise
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return output.decode(errors="replace") if process.returncode == 0 else None
