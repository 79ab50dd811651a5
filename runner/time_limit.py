"""Limit the time of a command or stage: what waits for ever (an engine, a registry, a driver) holds
no runner.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator

from runner import shell


class TimeLimitExceeded(BaseException):
    """A stage took longer than it may.

    No `except Exception` on the way up stops it, as with Ctrl-C.
    """


@contextlib.contextmanager
def time_limit(what: str, seconds: float) -> Iterator[None]:
    """Raise TimeLimitExceeded in the main thread if the block takes longer than `seconds`.

    Inside another limit, that one goes on when this one ends.
    """
    if threading.current_thread() is not threading.main_thread():  # signals reach only that one
        yield
        return

    def exceeded(*_: object) -> None:
        shell.stop_all()
        raise TimeLimitExceeded(f"{what} did not end within {seconds / 3600:g} hours")

    before = signal.signal(signal.SIGALRM, exceeded)
    started = time.monotonic()
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - started)))
