"""How long processes are waited for: longer while they still work, on a machine that is busy."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

MAX_TIMES = 3
"""So many times its limit a process that still works may take."""
LOOK_S = 2.0
MIN_SHARE = 0.02
"""Processes that get less of a core than this do not work: threads that wake up to look."""

_TICKS = os.sysconf("SC_CLK_TCK")


class Patience:
    """A limit of `limit_s` for the processes that `pids` returns.

    It is put off while their CPU time grows, up to MAX_TIMES of it.
    """

    def __init__(self, limit_s: float, pids: Callable[[], Iterable[int]]) -> None:
        now = time.monotonic()
        self._pids, self._deadline, self._last = pids, now + limit_s, now + MAX_TIMES * limit_s
        self._used: float | None = None

    def left_s(self) -> float:
        """Return for how many seconds to wait before this is asked again; 0 if the time is up."""
        now = time.monotonic()
        if now < self._deadline:
            return self._deadline - now
        used = sum(read_cpu_seconds(pid) for pid in self._pids())
        works = self._used is None or used - self._used >= MIN_SHARE * LOOK_S
        if now >= self._last or not works:
            return 0.0
        self._used, self._deadline = used, min(now + LOOK_S, self._last)
        return self._deadline - now

    def end_within(self, seconds: float) -> None:
        """Wait no longer than `seconds` from now, whatever works."""
        self._deadline = self._last = min(self._deadline, time.monotonic() + seconds)


def read_cpu_seconds(pid: int) -> float:
    """Return the CPU time of all threads of a process; 0 if it has ended."""
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        user, system = stat.rpartition(") ")[2].split()[11:13]
        return (int(user) + int(system)) / _TICKS
    return 0.0
