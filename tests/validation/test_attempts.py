"""A failure has to happen twice; the runner's faults are tried again, and not for ever."""

from __future__ import annotations

import pytest

from runner.verdict import Verdict, worst_verdict
from validation.attempts import INFRA_RETRIES, run_attempts
from validation.record import Check, SuiteResult

PASS, FAIL, INFRA, FLAKY = Verdict.PASS, Verdict.FAIL, Verdict.INFRA, Verdict.FLAKY


def _result(*checks: Verdict, blow: Verdict | None = None) -> SuiteResult:
    """A suite with checks a, b, ... and what decided it beyond them."""
    made = tuple(
        Check(name, verdict, "" if verdict is PASS else f"{name} was {verdict}", 1.0, (), "a cause")
        for name, verdict in zip("abc", checks, strict=False)
    )
    verdict = worst_verdict([*checks, *([blow] if blow else [])])
    return SuiteResult("ddp", verdict, "hung" if blow else "", 2.0, made, "output")


def _attempt(*results: SuiteResult) -> tuple[SuiteResult, int]:
    """What comes of these results in turn, and how many were asked for."""
    left = list(results)
    return run_attempts(lambda: left.pop(0)), len(results) - len(left)


def test_a_pass_is_run_once() -> None:
    result, runs = _attempt(_result(PASS, PASS), _result(FAIL))
    assert (result.verdict, result.attempts, runs) == (PASS, 1, 1)


def test_a_failure_that_repeats_fails() -> None:
    result, runs = _attempt(_result(PASS, FAIL), _result(PASS, FAIL), _result(PASS, PASS))
    assert (result.verdict, result.reason, result.cause, runs) == (
        FAIL,
        "b: b was fail",
        "a cause",
        2,
    )
    assert (result.attempts, result.seconds) == (2, 4.0)


def test_a_check_that_passes_only_on_retry_is_flaky() -> None:
    result, _ = _attempt(_result(PASS, FAIL), _result(PASS, PASS))
    assert (result.verdict, result.reason) == (FLAKY, "b: failed 1 of 2 times: b was fail")
    assert [check.verdict for check in result.checks] == [PASS, FLAKY]
    assert result.last_output == "output"


def test_different_checks_that_fail_in_turn_are_both_flaky() -> None:
    result, _ = _attempt(_result(FAIL, PASS), _result(PASS, FAIL))
    assert [check.verdict for check in result.checks] == [FLAKY, FLAKY]


def test_one_real_failure_beside_a_flaky_check_fails() -> None:
    result, _ = _attempt(_result(FAIL, FAIL), _result(PASS, FAIL))
    assert result.verdict is FAIL
    assert [check.verdict for check in result.checks] == [FLAKY, FAIL]


def test_a_hang_that_does_not_repeat_is_flaky() -> None:
    result, _ = _attempt(_result(PASS, blow=FAIL), _result(PASS, PASS))
    assert (result.verdict, result.reason) == (FLAKY, "failed, and passed on retry: hung")


def test_a_hang_that_repeats_fails() -> None:
    result, _ = _attempt(_result(PASS, blow=FAIL), _result(PASS, blow=FAIL))
    assert (result.verdict, result.reason) == (FAIL, "hung")


def test_a_check_that_one_attempt_did_not_come_to_is_no_pass() -> None:
    """The first hung after `a`; in the second `b` failed: it has failed whenever it ran to an end,
    and hung before.
    """
    result, _ = _attempt(_result(PASS, blow=FAIL), _result(PASS, FAIL))
    assert result.verdict is FAIL


def test_infra_is_tried_again_and_passes() -> None:
    result, runs = _attempt(_result(blow=INFRA), _result(PASS))
    assert (result.verdict, result.attempts, runs) == (PASS, 2, 2)


def test_infra_is_tried_a_bounded_number_of_times() -> None:
    result, runs = _attempt(*[_result(blow=INFRA)] * 9)
    assert (result.verdict, runs) == (INFRA, 1 + INFRA_RETRIES)


@pytest.mark.parametrize("second", [_result(blow=INFRA), _result(PASS, blow=INFRA)])
def test_a_failure_is_not_excused_by_a_runner_that_breaks_afterwards(second: SuiteResult) -> None:
    result, _ = _attempt(_result(PASS, FAIL), *[second] * 9)
    assert (result.verdict, result.reason) == (FAIL, "b: b was fail")


@pytest.mark.parametrize("verdict", [Verdict.NOT_RUN, Verdict.INCONCLUSIVE])
def test_what_was_not_proven_is_not_tried_again(verdict: Verdict) -> None:
    result, runs = _attempt(_result(verdict), _result(PASS))
    assert (result.verdict, runs) == (verdict, 1)
