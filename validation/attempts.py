"""Attempts of a suite.

Faults of the runner are tried again, and a failure counts only if it happens twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from runner.nouns import count_noun
from runner.verdict import Verdict, worst_verdict
from validation.record import Check, SuiteResult

INFRA_RETRIES = 2
_RETRIES = {Verdict.INFRA: INFRA_RETRIES, Verdict.FAIL: 1}


def run_attempts(run: Callable[[], SuiteResult]) -> SuiteResult:
    """Run a suite with `run`, and again after a failure; return the combined result.

    It is run again after `infra`, at most INFRA_RETRIES times, and once after `fail`. A check
    that failed each time is `fail`; one that failed and passed is `flaky`. All else is from the
    last attempt.
    """
    results = [run()]
    while True:
        last = results[-1].verdict
        times = sum(result.verdict is last for result in results)
        if times > _RETRIES.get(last, 0):
            return _combine_results(results)
        results.append(run())


def _combine_results(results: Sequence[SuiteResult]) -> SuiteResult:
    last = replace(
        results[-1],
        attempts=len(results),
        seconds=round(sum(result.seconds for result in results), 3),
    )
    failed = next((result for result in results if result.verdict is Verdict.FAIL), None)
    if failed is None or len(results) == 1:
        return last
    judged = [result for result in results if result.verdict is not Verdict.INFRA]
    names = dict.fromkeys(check.name for result in judged for check in result.checks)
    checks = tuple(_combine_checks(name, judged) for name in names)
    verdict = worst_verdict([*(check.verdict for check in checks), _suite_verdict(judged)])
    reason, cause = _combined_reason(verdict, checks, failed)
    output = last.last_output or failed.last_output
    return replace(
        last, verdict=verdict, reason=reason, cause=cause, checks=checks, last_output=output
    )


def _combine_checks(name: str, judged: Sequence[SuiteResult]) -> Check:
    """Return one check over its attempts; an attempt without a result of it counts as failed."""
    runs = [check for result in judged for check in result.checks if check.name == name]
    failures = [check for check in runs if check.verdict is Verdict.FAIL]
    if len(failures) == len(judged):
        return failures[-1]
    if failures:
        reason = (
            f"failed {len(failures)} of {count_noun(len(judged), 'time')}: {failures[0].reason}"
        )
        return replace(failures[0], verdict=Verdict.FLAKY, reason=reason)
    return runs[-1]


def _suite_verdict(judged: Sequence[SuiteResult]) -> Verdict:
    """Return the verdict of what failed beyond the checks: a hang, an incomplete report."""
    struck = [
        result.verdict is Verdict.FAIL
        and not any(check.verdict is Verdict.FAIL for check in result.checks)
        for result in judged
    ]
    if any(struck):
        return (
            Verdict.FAIL
            if all(result.verdict is Verdict.FAIL for result in judged)
            else Verdict.FLAKY
        )
    return Verdict.PASS


def _combined_reason(
    verdict: Verdict, checks: Sequence[Check], failed: SuiteResult
) -> tuple[str, str]:
    found = next((check for check in checks if check.verdict is verdict), None)
    if found is not None:
        return f"{found.name}: {found.reason}", found.cause
    return (
        f"{'failed, and passed on retry: ' if verdict is Verdict.FLAKY else ''}{failed.reason}",
        failed.cause,
    )
