"""Work in a child process that may end badly, or not at all."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import tempfile
import time
from collections.abc import Callable

PIPE_BYTES = 1 << 20


def read_apart(work: Callable[[int], None], limit_s: float) -> bytes:
    """Return what `work` writes into the pipe that it gets, in a child process.

    The child has a folder of its own. At its end, or at the limit, it is killed together with all
    that it started, which may hold the pipe open and outlive it.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.setpgid(0, 0)
                os.close(reader)
                os.chdir(folder)
                work(writer)
            finally:
                os._exit(0)  # an error shows as an answer that is not complete
        os.close(writer)
        try:
            return _read_until(reader, time.monotonic() + limit_s)
        finally:
            os.close(reader)
            with contextlib.suppress(OSError):
                os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _read_until(reader: int, end: float) -> bytes:
    """Return what a pipe gives until it is closed, at most until a moment."""
    parts: list[bytes] = []
    while select.select([reader], [], [], max(0.0, end - time.monotonic()))[0]:
        part = os.read(reader, PIPE_BYTES)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)
