"""Warm-up and pace, on a clock that only the steps move."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, cycle, repeat

import pytest

from runner.home import REPOSITORY
from validation.suites.throughput import measure
from validation.suites.throughput.measure import MeasurementPlan

PLAN = MeasurementPlan(
    window_steps=2,
    window_s=0,
    windows=2,
    agree=0.1,
    most_windows=5,
    most_s=10,
    limit_s=400,
    steps=4,
    measured_s=0,
)


class Clocked:
    """A step that takes the next of `seconds`, and a clock that shows them."""

    def __init__(self, seconds: Iterable[float]) -> None:
        self._seconds: Iterator[float] = iter(seconds)
        self.now = 0.0

    def step(self) -> None:
        self.now += next(self._seconds)

    def clock(self) -> float:
        return self.now


def pace(seconds: Iterable[float], plan: MeasurementPlan = PLAN) -> measure.MeasuredPace:
    clocked = Clocked(seconds)
    return measure.measure_pace(clocked.step, plan, clocked.clock)


def test_warm_up_is_not_measured() -> None:
    found = pace(chain([9, 5, 1.2, 1.0, 1.0], repeat(1)))
    assert (found.step_s, found.spread) == pytest.approx((1, 0))
    assert (found.steps, found.warmup) == (4, 6)


def test_median_and_spread_are_of_what_was_measured() -> None:
    found = pace(chain([1] * 4, [1, 2, 3, 100]))
    assert found.step_s == pytest.approx(2.5)
    assert found.spread == pytest.approx((27.25 - 1.75) / 2.5)  # the quartiles of 1, 2, 3, 100


def test_steps_too_short_to_time_are_taken_more_often() -> None:
    found = pace(repeat(0.01), replace(PLAN, window_s=0.1, measured_s=0.5))
    assert found.warmup == pytest.approx(20, abs=2)
    assert found.steps == pytest.approx(50, abs=1)


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(cycle([1, 1, 3, 3]), id="every other window is slow"),
        pytest.param((1.2**step for step in range(1000)), id="slower with every step"),
    ],
)
def test_no_steady_state_is_the_runners_fault(seconds: Iterable[float]) -> None:
    with pytest.raises(
        pytest.fail.Exception,
        match=r"^infra: no steady state in .* ms a step, expected within 10 %",
    ):
        pace(seconds)


def test_warm_up_is_not_given_up_in_a_hurry() -> None:
    """Few windows of a slow machine are not enough to give up, nor few seconds of a fast one."""
    assert pace(chain([80, 40, 20, 10, 5, 5, 5, 5], repeat(5))).warmup == 8
    assert pace(chain([0.1, 0.1, 0.3, 0.3] * 8, repeat(1))).warmup == 36


def test_warm_up_ends_before_the_test_is_ended() -> None:
    with pytest.raises(pytest.fail.Exception, match="no steady state in 600 s"):
        pace(cycle([100, 100, 200, 200]))


PEAKS = """
from validation.suites.throughput import measure
first = bytearray(200_000_000)
print(measure.peak_rss())
del first
measure.reset_peak_rss()
before = measure.peak_rss()
second = bytearray(100_000_000)
print(measure.peak_rss() - before)
"""


def test_peak_memory_is_that_of_the_work() -> None:
    """It runs in a process of its own, because memory that other tests free would be counted."""
    done = subprocess.run(
        [sys.executable, "-c", PEAKS], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    first, second = map(int, done.stdout.split())
    assert first > 200_000_000
    assert second == pytest.approx(100_000_000, rel=0.1)


@pytest.mark.parametrize(
    ("cpuinfo", "has"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16\n", True),
        ("flags\t\t: fpu amx_bf16 amx_tile\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("flags\t\t: fpu avx2\nmodel name\t: with bf16 in its name\n", False),
        ("", False),
    ],
)
def test_bfloat16_of_a_processor(cpuinfo: str, has: bool) -> None:
    assert measure.has_bf16(cpuinfo) is has
