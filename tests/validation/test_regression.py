"""The regression gate against runs whose truth is known."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from runner.errors import EnvironmentFailed
from runner.verdict import Verdict
from tests.validation.suites_here import EXPECTED
from validation import regression
from validation.executors.interface import Setup
from validation.judge import SuiteExecution
from validation.record import Check, Figure, SuiteResult
from validation.regression import (
    LOOKS,
    ComparedSide,
    Estimate,
    Run,
    RunFailed,
    compare_releases,
    estimate_ratio,
)
from validation.suite import SUITES, Suite

A, B = ComparedSide.PREVIOUS, ComparedSide.CANDIDATE


class Runs:
    """Runs with a true change, noise, and a drift from run to run, all of the logarithm; `order` is
    how they went.
    """

    def __init__(self, change: float, noise: float = 0.0, drift: float = 0.0) -> None:
        self.change, self.noise, self.drift = change, noise, drift
        self.order: list[ComparedSide] = []
        self._random = random.Random(1)  # noqa: S311 - noise, no secret

    def __call__(self, side: ComparedSide) -> Mapping[str, float]:
        true = (self.change if side is B else 0.0) - self.drift * len(self.order)
        self.order.append(side)
        return {"training": 100 * math.exp(true + self._random.gauss(0, self.noise))}


def figures(result: SuiteResult) -> dict[str, float]:
    return {figure.name: figure.value for figure in result.checks[0].figures}


def student(t: float, freedom: int, steps: int = 20_000) -> float:
    """The chance that Student's distribution is below `t`: its density, integrated by Simpson's
    rule.
    """
    scale = math.gamma((freedom + 1) / 2) / (math.sqrt(freedom * math.pi) * math.gamma(freedom / 2))
    width = t / steps
    weights = (1 if at in (0, steps) else 4 if at % 2 else 2 for at in range(steps + 1))
    density = ((1 + (at * width) ** 2 / freedom) ** (-(freedom + 1) / 2) for at in range(steps + 1))
    return 0.5 + scale * width / 3 * math.fsum(
        weight * each for weight, each in zip(weights, density, strict=True)
    )


def test_both_looks_together_promise_95_percent() -> None:
    errors = [1 - student(look.t, look.pairs - 2) for look in LOOKS]
    assert errors == pytest.approx([0.025, 0.025], abs=5e-5)


def test_pairs_turn_around() -> None:
    runs = Runs(0, noise=0.001)
    result = compare_releases(runs)
    assert runs.order == [A, B, B, A] * 3
    assert (result.suite, result.verdict, result.reason) == ("regression", Verdict.PASS, "")
    assert figures(result)["pairs"] == 6


def test_a_slower_candidate_fails_with_what_was_found() -> None:
    result = compare_releases(Runs(math.log(1 / 1.05), noise=0.002))
    assert result.verdict is Verdict.FAIL
    assert result.reason.startswith("training: between -4.88 and -4.6")
    assert result.reason.endswith("against the previous release (6 pairs), expected not below -2 %")
    assert result.cause
    assert figures(result)["lower"] < figures(result)["mean"] < figures(result)["upper"] < -2


def test_a_faster_candidate_passes() -> None:
    assert compare_releases(Runs(0.3, noise=0.01)).verdict is Verdict.PASS


def test_what_is_not_decided_is_looked_at_again_and_stays_open() -> None:
    runs = Runs(-0.02, noise=0.01)
    result = compare_releases(runs)
    assert (result.verdict, len(runs.order), figures(result)["pairs"]) == (
        Verdict.INCONCLUSIVE,
        24,
        12,
    )
    assert "expected all of it above -2 %" in result.reason


@pytest.mark.parametrize("drift", [-0.02, 0.02])
def test_drift_cancels(drift: float) -> None:
    """A device that changes its speed by 2 % from run to run moves neither the mean nor the
    bounds.
    """
    still, moving = (
        compare_releases(Runs(-0.01, noise=0.001)),
        compare_releases(Runs(-0.01, noise=0.001, drift=drift)),
    )
    assert moving.verdict is Verdict.PASS
    assert figures(moving) == pytest.approx(figures(still))


def test_equal_figures_have_no_spread() -> None:
    assert estimate_ratio([-0.01] * 6, t=2.776) == Estimate(-0.01, -0.01, -0.01, 6)


def test_bounds_of_a_known_sample() -> None:
    """Of each kind 0, 0.01, 0.02 and 0.03, 0.04, 0.05: the squares sum to 4e-4, the error is
    sqrt(4e-4 / 4 / 6).
    """
    found = estimate_ratio([0, 0.03, 0.01, 0.04, 0.02, 0.05], t=2)
    error = math.sqrt(4e-4 / 4 / 6)
    assert (found.mean, found.lower, found.upper) == pytest.approx(
        (0.025, 0.025 - 2 * error, 0.025 + 2 * error)
    )


def test_one_workload_that_is_decided_waits_for_the_others() -> None:
    even, noisy = Runs(0, noise=0.001), Runs(-0.02, noise=0.01)
    result = compare_releases(
        lambda side: {"even": even(side)["training"], "noisy": noisy(side)["training"]}
    )
    pairs = {check.name: check.figures[-1].value for check in result.checks}
    assert pairs == {"even": 6, "noisy": 12}
    assert [check.verdict for check in result.checks] == [Verdict.PASS, Verdict.INCONCLUSIVE]
    assert result.reason.startswith("noisy: ")


def test_the_worst_workload_counts() -> None:
    fine, slow = Runs(0, noise=0.001), Runs(-0.1, noise=0.001)
    result = compare_releases(
        lambda side: {"fine": fine(side)["training"], "slow": slow(side)["training"]}
    )
    assert result.verdict is Verdict.FAIL
    assert result.reason.startswith("slow: ")


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        (RunFailed(Verdict.INFRA, "the GPU was lost"), Verdict.INFRA),
        (RunFailed(Verdict.INCONCLUSIVE, "the GPU was lost"), Verdict.INCONCLUSIVE),
        (EnvironmentFailed("the GPU was lost"), Verdict.INFRA),
    ],
)
def test_a_run_that_fails_is_never_a_pass(fault: Exception, verdict: Verdict) -> None:
    runs = Runs(0)

    def run(side: ComparedSide) -> Mapping[str, float]:
        if len(runs.order) == 7:
            raise fault
        return runs(side)

    result = compare_releases(run)
    assert (result.verdict, result.reason, result.checks) == (verdict, "the GPU was lost", ())


@pytest.mark.parametrize(
    ("previous", "candidate", "says"),
    [
        ({}, {}, "no figure of any workload"),
        ({"x": 1.0}, {}, "no figure of x"),
        ({"x": 1.0}, {"x": 1.0, "y": 1.0}, "no figure of y"),
    ],
)
def test_figures_that_one_side_lacks(
    previous: dict[str, float], candidate: dict[str, float], says: str
) -> None:
    result = compare_releases(lambda side: candidate if side is B else previous)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert says in result.reason


# In containers

PREVIOUS, CANDIDATE = (Setup(name, Path(), EXPECTED) for name in ("previous", "candidate"))


def in_containers(monkeypatch: pytest.MonkeyPatch, result: SuiteResult) -> tuple[Run, list[str]]:
    seen: list[str] = []

    def executed(_: Suite, setup: Setup) -> SuiteExecution:
        seen.append(setup.reference)
        return SuiteExecution(0, 1.0)

    monkeypatch.setattr(regression, "judge_suite", lambda *_: result)
    return regression.container_runner(SUITES[0], PREVIOUS, CANDIDATE, executed), seen


def test_each_side_runs_its_image(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = (
        Check(
            "training",
            Verdict.PASS,
            "",
            1.0,
            (Figure("batch", 4, "images"), Figure("images_per_s", 7, "images/s")),
        ),
        Check("amp", Verdict.NOT_RUN, "no such instructions", 1.0, ()),
    )
    run, seen = in_containers(
        monkeypatch, SuiteResult("throughput", Verdict.NOT_RUN, "", 1.0, checks, "")
    )
    assert [run(B), run(A)] == [{"training": 7}] * 2
    assert seen == ["candidate", "previous"]


@pytest.mark.parametrize(
    ("verdict", "left"), [(Verdict.FAIL, Verdict.INCONCLUSIVE), (Verdict.INFRA, Verdict.INFRA)]
)
def test_a_suite_that_fails_says_in_which_image(
    verdict: Verdict, left: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = in_containers(monkeypatch, SuiteResult("throughput", verdict, "hung", 1.0, (), ""))
    result = compare_releases(run)
    assert (result.verdict, result.reason) == (
        left,
        "a run of the previous image gave no figures: hung",
    )
