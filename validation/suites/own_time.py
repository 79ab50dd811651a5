"""A clock for this thread, which stands still while the thread waits for a core."""

from __future__ import annotations

import time
from pathlib import Path

SCHEDULED = Path("/proc/thread-self/schedstat")
"""Nanoseconds on a core, nanoseconds of waiting for one, and turns (proc(5))."""


def read_seconds() -> float:
    """Return a time in seconds; a sleep counts, and what other processes take does not."""
    while True:
        waited, now = _read_waited(), time.perf_counter()
        if waited == _read_waited():  # else it waited between the two
            return now - waited / 1e9


def _read_waited() -> int:
    return int(SCHEDULED.read_text(encoding="ascii").split()[1])
