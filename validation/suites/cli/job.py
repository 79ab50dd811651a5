"""A job as an engine starts it: the entry point of the image, and a program of Python."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Sequence
from typing import TextIO, cast

LIMIT_S = 110
ENTRY_POINT = ("/usr/bin/tini", "--", "/usr/local/lib/image/start")


def start_job(command: Sequence[str], source: str) -> subprocess.Popen[str]:
    """Start a command through the entry point; `source` is its whole standard input."""
    job = subprocess.Popen(
        [*ENTRY_POINT, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with contextlib.suppress(BrokenPipeError):  # it has ended and read nothing
        given = cast(TextIO, job.stdin)
        given.write(source)
        given.close()
    return job


def await_line(job: subprocess.Popen[str], wanted: str) -> None:
    """Wait until a job has printed a line, or has closed its output."""
    for line in cast(TextIO, job.stdout):
        if line.strip() == wanted:
            return


def end_job(job: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a job; return its exit code and its last line. One that hangs is killed (-9)."""
    try:
        code = job.wait(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        job.kill()
        code = job.wait()
    printed = cast(TextIO, job.stdout).read().strip().splitlines()
    return code, printed[-1] if printed else ""
