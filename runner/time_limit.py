"""Limit the time of a whole stage: what waits for ever (an engine, a registry, a driver) must not hold a runner."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

from runner import shell


class TimeLimitExceeded(BaseException):
    """A stage took longer than it may. No `except Exception` on the way up stops it, as with Ctrl-C."""


@contextlib.contextmanager
def time_limit(what: str, seconds: float) -> Iterator[None]:
    """Raise TimeLimitExceeded in the main thread if the block takes longer than `seconds`. One limit at a time."""
    if threading.current_thread() is not threading.main_thread():  # signals reach only that one
        yield
        return

    def exceeded(*_: object) -> None:
        shell.stop_all()
        raise TimeLimitExceeded(f"{what} did not end within {seconds / 3600:g} hours")

    before = signal.signal(signal.SIGALRM, exceeded)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
