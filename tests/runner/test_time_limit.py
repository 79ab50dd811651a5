"""A stage that waits for ever is ended, and nothing on the way up can swallow that."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from runner import shell
from runner.time_limit import TimeLimitExceeded, time_limit

# The time limit of a test would use the same timer: it comes from a thread here.
pytestmark = pytest.mark.timeout(60, method="thread")


@pytest.fixture(autouse=True)
def programs_may_start_again() -> Iterator[None]:
    """A run that took too long starts no more programs; the tests after this one do."""
    yield
    shell.allow_all()


def test_what_waits_is_ended() -> None:
    started = time.monotonic()
    with (
        pytest.raises(TimeLimitExceeded, match=r"build of v2\.6\.0 did not end within"),
        time_limit("build of v2.6.0", 0.05),
    ):
        threading.Event().wait(10)
    assert time.monotonic() - started < 5


def test_no_handler_of_errors_stops_it() -> None:
    with pytest.raises(TimeLimitExceeded), time_limit("it", 0.05):
        try:
            time.sleep(10)
        except Exception:
            pytest.fail("swallowed")


def test_what_ends_in_time_leaves_nothing_behind() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with time_limit("it", 60):
        pass
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    assert signal.getsignal(signal.SIGALRM) == before


def test_an_error_leaves_nothing_behind_either() -> None:
    with pytest.raises(ValueError), time_limit("it", 60):
        raise ValueError
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_a_limit_inside_another_does_not_end_it() -> None:
    with pytest.raises(TimeLimitExceeded, match="the whole"), time_limit("the whole", 0.3):
        with time_limit("a part", 60):
            pass
        threading.Event().wait(10)
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_other_threads_have_no_limit() -> None:
    done: list[bool] = []

    def work() -> None:
        with time_limit("it", 0.01):
            time.sleep(0.1)
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
