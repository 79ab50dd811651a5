"""The signals that end a run, all in the same way: Ctrl-C (SIGINT), SIGTERM and SIGHUP."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from multiprocessing import resource_tracker

from runner import shell

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

CLEAN_UP_S = 30.0
"""Seconds after the first signal in which another one does not interrupt the cleaning up."""

_WAITING = b"cleaning up what this run began; please wait\n"


class _Interrupt:
    """A handler that ends all running programs and raises KeyboardInterrupt in the main thread."""

    def __init__(self) -> None:
        self._first_at: float | None = None

    def __call__(self, *_: object) -> None:
        now = time.monotonic()
        if self._first_at is not None and now - self._first_at < CLEAN_UP_S:
            with contextlib.suppress(OSError):
                os.write(2, _WAITING)
            return
        self._first_at = now
        if shell.stop_all():
            raise KeyboardInterrupt


def interrupt_on_signals() -> None:
    """Turn each of ENDS into a KeyboardInterrupt.

    A signal that is ignored (by `nohup`, by a shell) stays ignored. SIGCHLD does not: else each
    program that failed would count as one that ended well.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    shell.allow_all()
    interrupt = _Interrupt()
    for each in ENDS:
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, interrupt)


def ignore_signals() -> None:
    """Ignore each of ENDS from now on: the run has ended, and its exit code is known.

    Python puts back the system's own reaction to a signal when it shuts down, except for one that
    is ignored.
    """
    for each in ENDS:
        signal.signal(each, signal.SIG_IGN)


def start_resource_tracker() -> None:
    """Start the helper process of multiprocessing so that it ignores SIGHUP.

    It ignores the other two signals by itself. A terminal that hangs up signals every process in
    it. Without its tracker, each process of a pool would end in a traceback. Call it in the main
    thread: no other one may set what a signal does.
    """
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        resource_tracker.ensure_running()
    finally:
        signal.signal(signal.SIGHUP, before)
