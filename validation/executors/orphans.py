"""Processes of a suite that left its group and its session.

They stay below this process, and are ended by it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from runner import progress
from runner.errors import EnvironmentFailed
from runner.nouns import count_noun
from runner.untrusted import Malformed, read_own_file

PR_SET_CHILD_SUBREAPER = 36
"""Of linux/prctl.h. A process whose parent has ended becomes a child of the nearest ancestor that
set it.
"""
END_S = 20.0
"""How long processes are ended for: one that only forks can make new ones as quickly as they are
killed.
"""
POLL_S = 0.02
_MAX_BYTES = 1 << 20


@contextlib.contextmanager
def end_started_processes() -> Iterator[None]:
    """End every process that was started in the block, wherever it moved itself.

    No other thread may start one.
    """
    before = _list_children()
    _set_subreaper(True)
    try:
        yield
    finally:
        _end_all_but(before)
        _set_subreaper(False)


def _set_subreaper(wanted: bool) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0) != 0:
        problem = f"cannot adopt the processes of a suite: {os.strerror(ctypes.get_errno())}"
        raise EnvironmentFailed(problem, "run the suites on Linux, where prctl is allowed")


def _end_all_but(before: set[int]) -> None:
    """Kill and reap children until there are none: those of one that was killed become ours."""
    deadline = time.monotonic() + END_S
    while (left := _list_children() - before) and time.monotonic() < deadline:
        for process in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, os.WNOHANG)
        time.sleep(POLL_S)
    if left:
        progress.say_line(
            f"  cannot end {count_noun(len(left), 'process', 'processes')} of a suite; end them "
            f"yourself: {', '.join(map(str, sorted(left)[:5]))}"
        )


def _list_children() -> set[int]:
    found: set[int] = set()
    for children in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError, Malformed):  # a thread that ended this very moment
            found.update(map(int, read_own_file(children, _MAX_BYTES).split()))
    return found
