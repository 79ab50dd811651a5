"""Times of two pieces of work, as a ratio that does not depend on what else the machine does."""

from __future__ import annotations

import time
from collections.abc import Callable

ROUNDS = 15
TRIES = 4
Work = Callable[[], object]


def measure_ratio(judged: Work, beside: Work, limit: float) -> float:
    """Return the time of `judged` as a multiple of that of `beside`.

    Both run in turn, and the least time of each counts: other programs only make times longer. A
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
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
