"""A process that works may take longer than its limit, and one that hangs may not."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from validation.suites import patience
from validation.suites.patience import Patience, read_cpu_seconds


@pytest.fixture
def python() -> Iterator[Callable[[str], int]]:
    """Start an interpreter that runs a program; it is ended afterwards."""
    started = list[subprocess.Popen[bytes]]()

    def start(code: str) -> int:
        started.append(subprocess.Popen([sys.executable, "-c", code]))
        return started[-1].pid

    yield start
    for each in started:
        each.kill()
        each.wait()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LOOK_S", 0.5)


def _wait_seconds(limit_s: float, pid: int) -> float:
    started, limit = time.monotonic(), Patience(limit_s, lambda: [pid])
    while left := limit.left_s():
        time.sleep(left)
    return time.monotonic() - started


def test_a_process_that_works_is_waited_for(python: Callable[[str], int]) -> None:
    assert 2.9 < _wait_seconds(1.0, python("while True: pass")) < 3.9


def test_a_process_that_hangs_is_not(python: Callable[[str], int]) -> None:
    """One look later than its limit: the start of Python is over by then."""
    assert 1.9 < _wait_seconds(1.5, python("import time; time.sleep(60)")) < 2.9


def test_one_that_has_ended_is_not() -> None:
    assert read_cpu_seconds(2**22 + 1) == 0.0
    assert _wait_seconds(0.2, 2**22 + 1) < 1.5


def test_the_others_of_one_that_failed_get_no_more(python: Callable[[str], int]) -> None:
    pid = python("while True: pass")
    limit = Patience(30.0, lambda: [pid])
    limit.end_within(0.2)
    time.sleep(0.3)
    assert limit.left_s() == 0.0
