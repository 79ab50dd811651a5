"""Times of two pieces of work, as a ratio that does not depend on what else the machine does."""

from __future__ import annotations

from collections.abc import Callable

from .. import own_time

ROUNDS = 15
TRIES = 4
Work = Callable[[], object]


def measure_ratio(judged: Work, beside: Work, limit: float) -> float:
    """Return the time of `judged` as a multiple of that of `beside`.

    Both run in turn, without the waits for a core, and the least time of each counts. A
    ratio over `limit` is measured again, with the times that were least so far.
    """
    seconds, seconds_beside = float("inf"), float("inf")
    for _ in range(TRIES):
        for _ in range(ROUNDS):
            seconds = min(seconds, _time_once(judged))
            seconds_beside = min(seconds_beside, _time_once(beside))
        if seconds <= limit * seconds_beside:
            break
    return seconds / seconds_beside


def _time_once(work: Work) -> float:
    started = own_time.read_seconds()
    work()
    return own_time.read_seconds() - started
