"""A limit for the time of a command or stage, so that nothing that hangs blocks a machine."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator

from runner import shell


class TimeLimitExceeded(BaseException):
    """A stage that took too long.

    No `except Exception` stops it on its way up, as with Ctrl-C.
    """


@contextlib.contextmanager
def time_limit(what: str, seconds: float) -> Iterator[None]:
    """Raise TimeLimitExceeded in the main thread if the block takes longer than `seconds`.

    Inside another limit, that one continues when this one ends.
    """
    if threading.current_thread() is not threading.main_thread():  # signals reach only that one
        yield
        return

    def end_block(*_: object) -> None:
        shell.stop_all()
        raise TimeLimitExceeded(f"{what} did not end within {seconds / 3600:g} hours")

    before = signal.signal(signal.SIGALRM, end_block)
    started = time.monotonic()
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - started)))
