"""The regression gate: a candidate against the previous release, in turn on one device.

Catches what a floor does not.

Runs go A B, B A, A B, ... (A the previous release, B the candidate), each in a fresh container. A
pair gives one log-ratio per workload, ln(B / A) of images or sequences per second. What the second
run of a pair suffers, and what drifts evenly over all runs (a GPU that warms up), adds to the pairs
A B what it takes from the pairs B A: the mean of the two kinds' means is free of it, and so is
their spread around their own means. It is the analysis of a two-period cross-over trial (Hills and
Armitage, 1979, doi:10.1111/j.1365-2125.1979.tb05903.x).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import fmean

from runner.errors import EnvironmentFailed
from runner.nouns import count_noun
from runner.verdict import Verdict, worst_verdict
from validation.executors.interface import Setup
from validation.judge import SuiteExecution, judge_suite
from validation.rates import rates_by_check
from validation.record import Check, Figure, SuiteResult
from validation.suite import Suite
from validation.suites.contract.words import EXPECTED

NAME = "regression"
LIMIT = -0.02
"""The mean log-ratio below which a candidate is too slow: 2 %, the least that the gate is to
see.
"""


class ComparedSide(StrEnum):
    """One of the two that are compared: the previous release (A) or the candidate (B)."""

    PREVIOUS = "previous"
    CANDIDATE = "candidate"


Run = Callable[[ComparedSide], Mapping[str, float]]
"""One run in a fresh container: per workload, how much it did in a second.

Raises RunFailed, EnvironmentFailed.
"""


@dataclass(frozen=True)
class InterimLook:
    """After `pairs` pairs the bounds are looked at; they lie `t` standard errors from the mean."""

    pairs: int
    t: float


LOOKS = (InterimLook(6, 2.776), InterimLook(12, 2.228))
"""Looking twice would make two chances of an error.

So each look has bounds of 97.5 %, and both together keep what one bound of 95 % promises
(Bonferroni). `t`: quantiles of Student's distribution for 4 and 10 degrees of freedom, which are
the pairs less the two means (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2).
"""


class RunFailed(Exception):
    """A run that gave no figures: the verdict that it leaves of the comparison, and why."""

    def __init__(self, verdict: Verdict, reason: str) -> None:
        super().__init__(reason)
        self.verdict, self.reason = verdict, reason


@dataclass(frozen=True)
class Estimate:
    """The mean log-ratio of `pairs` pairs and its one-sided bounds; -0.03 is 3 % slower, nearly."""

    mean: float
    lower: float
    upper: float
    pairs: int

    def regression_verdict(self) -> Verdict:
        """`fail` or `pass` if the whole interval lies on one side of LIMIT."""
        if self.upper < LIMIT:
            return Verdict.FAIL
        return Verdict.PASS if self.lower > LIMIT else Verdict.INCONCLUSIVE


def estimate_ratio(ratios: Sequence[float], t: float) -> Estimate:
    """Return the estimate from log-ratios of pairs in the order A B, B A, ....

    There are at least 4, an even number.
    """
    kinds = ratios[::2], ratios[1::2]
    centres = [fmean(kind) for kind in kinds]
    squares = sum(
        (ratio - centre) ** 2 for kind, centre in zip(kinds, centres, strict=True) for ratio in kind
    )
    pairs = len(ratios)
    error = math.sqrt(squares / (pairs - 2) / pairs)
    mean = fmean(centres)
    return Estimate(mean, mean - t * error, mean + t * error, pairs)


def compare_releases(run: Run, looks: Sequence[InterimLook] = LOOKS) -> SuiteResult:
    """Run pairs until every workload is decided, or the last look was taken.

    A failed run ends it, undecided.
    """
    started = time.monotonic()
    try:
        checks = [
            _check_of(name, found) for name, found in sorted(_decided_estimates(run, looks).items())
        ]
        result = _suite_result(checks)
    except RunFailed as failed:
        result = _undecided_checks(failed.verdict, failed.reason)
    except EnvironmentFailed as failed:
        result = _undecided_checks(Verdict.INFRA, failed.message)
    return replace(result, seconds=round(time.monotonic() - started, 3))


def _decided_estimates(run: Run, looks: Sequence[InterimLook]) -> dict[str, Estimate]:
    """Return for every workload the estimate of the look that decided it, or of the last."""
    ratios: dict[str, list[float]] = {}
    found: dict[str, Estimate] = {}
    for look in looks:
        for pair in range(min(map(len, ratios.values()), default=0), look.pairs):
            order = (ComparedSide.PREVIOUS, ComparedSide.CANDIDATE)
            did = {side: run(side) for side in (order if pair % 2 == 0 else reversed(order))}
            _add_pair(ratios, did[ComparedSide.PREVIOUS], did[ComparedSide.CANDIDATE])
        open_ = [
            name
            for name in ratios
            if name not in found or found[name].regression_verdict() is Verdict.INCONCLUSIVE
        ]
        found |= {name: estimate_ratio(ratios[name], look.t) for name in open_}
        if all(each.regression_verdict() is not Verdict.INCONCLUSIVE for each in found.values()):
            break
    return found


def _add_pair(
    ratios: dict[str, list[float]], before: Mapping[str, float], now: Mapping[str, float]
) -> None:
    """Add a pair; a workload that only one of the two runs has is left out."""
    names = set(ratios) or set(before)
    lacking = sorted((names ^ set(before)) | (names ^ set(now)))
    if lacking or not names:
        what = ", ".join(lacking) or "any workload"
        raise RunFailed(
            Verdict.INCONCLUSIVE,
            f"a run of the two images has no figure of {what}{EXPECTED}one in each",
        )
    for name in names:
        ratios.setdefault(name, []).append(math.log(now[name] / before[name]))


def _check_of(name: str, found: Estimate) -> Check:
    verdict = found.regression_verdict()
    figures = (
        Figure("mean", 100 * found.mean, "% log-ratio"),
        Figure("lower", 100 * found.lower, "% log-ratio"),
        Figure("upper", 100 * found.upper, "% log-ratio"),
        Figure("pairs", found.pairs, "pairs"),
    )
    reason, cause = _describe_estimate(found, verdict)
    return Check(name, verdict, reason, 0.0, figures, cause)


def _describe_estimate(found: Estimate, verdict: Verdict) -> tuple[str, str]:
    pairs = count_noun(found.pairs, "pair")
    between = (
        f"between {100 * found.lower:+.2f} and {100 * found.upper:+.2f} % against the "
        "previous release"
    )
    if verdict is Verdict.FAIL:
        reason = f"{between} ({pairs}){EXPECTED}not below {100 * LIMIT:.0f} %"
        return (
            reason,
            (
                "a library, kernel or setting of the candidate makes this workload slower on this "
                "device"
            ),
        )
    if verdict is Verdict.INCONCLUSIVE:
        reason = f"{between} ({pairs}){EXPECTED}all of it above {100 * LIMIT:.0f} %"
        return (
            reason,
            (
                "a loss of about 2 %, or runs that differ too much: the device is shared, or its "
                "clocks vary"
            ),
        )
    return "", ""


def _suite_result(checks: Sequence[Check]) -> SuiteResult:
    verdict = worst_verdict(check.verdict for check in checks)
    first = next((check for check in checks if check.verdict is verdict is not Verdict.PASS), None)
    if first is None:
        return SuiteResult(NAME, verdict, "", 0.0, tuple(checks), "")
    return SuiteResult(
        NAME, verdict, f"{first.name}: {first.reason}", 0.0, tuple(checks), "", first.cause
    )


def _undecided_checks(verdict: Verdict, reason: str) -> SuiteResult:
    return SuiteResult(NAME, verdict, reason, 0.0, (), "")


def container_runner(
    suite: Suite,
    previous: Setup,
    candidate: Setup,
    execute: Callable[[Suite, Setup], SuiteExecution],
) -> Run:
    """Return a function that runs `suite`, the throughput suite, in a fresh container of a side."""
    setups = {ComparedSide.PREVIOUS: previous, ComparedSide.CANDIDATE: candidate}

    def run(side: ComparedSide) -> Mapping[str, float]:
        result = judge_suite(suite, execute(suite, setups[side]))
        if result.verdict not in (Verdict.PASS, Verdict.NOT_RUN):
            infra = result.verdict is Verdict.INFRA
            raise RunFailed(
                Verdict.INFRA if infra else Verdict.INCONCLUSIVE,
                f"a run of the {side} image gave no figures: {result.reason}",
            )
        return rates_by_check(result)

    return run
