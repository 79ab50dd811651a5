"""A new interpreter of the image: how it ended, and the last line it printed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 60


@dataclass(frozen=True)
class InterpreterExit:
    """How an interpreter ended; `code` is None if it was killed after `limit_s`."""

    code: int | None
    stderr: bytes
    limit_s: float = LIMIT_S

    def __str__(self) -> str:
        how = (
            f"did not end within {self.limit_s:.0f} s"
            if self.code is None
            else f"ended with exit code {self.code}"
        )
        return f"{how} and said {last_line(self.stderr)}"


def run_python(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    limit_s: float = LIMIT_S,
) -> InterpreterExit:
    """Run `python WORDS...` in `folder`."""
    try:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            check=False,
            timeout=limit_s,
        )
    except subprocess.TimeoutExpired as late:
        return InterpreterExit(None, late.stderr or b"", limit_s)
    return InterpreterExit(done.returncode, done.stderr)


def last_line(stderr: bytes) -> str:
    """Return the line in which Python names an exception."""
    lines = stderr.decode(errors="replace").strip().splitlines()
    return f"`{lines[-1]}`" if lines else "nothing"
