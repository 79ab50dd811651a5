"""A ratio of two times is that of their least ones."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest

from validation.suites import own_time
from validation.suites.cost import ratio


class _Clock:
    """A clock that only works move."""

    def __init__(self) -> None:
        self.now = 0.0

    def take(self, *seconds: float) -> ratio.Work:
        """Return a work that takes these seconds, in turn."""
        turns = itertools.cycle(seconds)

        def work() -> None:
            self.now += next(turns)

        return work


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    made = _Clock()
    monkeypatch.setattr(own_time, "read_seconds", lambda: made.now)
    return made


def test_the_least_times_count(clock: _Clock) -> None:
    judged, beside = clock.take(9.0, 3.0, 40.0), clock.take(7.0, 2.0)
    assert ratio.measure_ratio(judged, beside, 2.0) == 1.5


def test_one_over_its_limit_is_measured_again(clock: _Clock) -> None:
    """Once is enough within the limit; over it there are TRIES."""
    for slow, runs in ((1.5, ratio.ROUNDS), (3.0, ratio.ROUNDS * ratio.TRIES)):
        before = clock.now
        found = ratio.measure_ratio(clock.take(slow), clock.take(1.0), 2.0)
        assert found == slow
        assert clock.now - before == pytest.approx((slow + 1.0) * runs)


def test_the_clock_counts_a_sleep() -> None:
    started = own_time.read_seconds()
    time.sleep(0.2)
    assert 0.15 < own_time.read_seconds() - started < 5.0


def test_the_clock_stands_still_while_the_thread_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "schedstat").write_text("5 7000000000 1\n")
    monkeypatch.setattr(own_time, "SCHEDULED", tmp_path / "schedstat")
    assert time.perf_counter() - own_time.read_seconds() == pytest.approx(7.0, abs=0.1)
