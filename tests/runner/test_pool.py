"""A pool of threads ends at once with an error, and with all its work otherwise."""

from __future__ import annotations

import threading
import time

import pytest

from runner.pool import worker_pool


def test_all_work_is_done() -> None:
    with worker_pool(2) as pool:
        done = [pool.submit(pow, number, 2) for number in range(5)]
    assert [each.result(0) for each in done] == [0, 1, 4, 9, 16]


def test_nobody_waits_for_a_worker_that_is_stuck() -> None:
    stuck, begun = threading.Event(), list[int]()

    def work(number: int) -> None:
        begun.append(number)
        stuck.wait(30)

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt), worker_pool(1) as pool:
        for number in range(3):
            pool.submit(work, number)
        raise KeyboardInterrupt
    stuck.set()
    assert time.monotonic() - started < 5
    assert begun in ([], [0]), "what had not begun is dropped"
