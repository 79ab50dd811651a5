"""The report of a suite of the host, and the verdict that the judge gives it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from runner.containers import ImageCannotStart
from runner.untrusted import Malformed
from runner.verdict import Verdict
from tests.validation.suites_here import EXPECTED
from validation.host_suites import checking
from validation.host_suites.check_run import CheckRun, require
from validation.host_suites.start import test_start
from validation.host_suites.starts import MachineFailed, StartRefused
from validation.judge import judge_suite
from validation.proof import SuiteChallenge
from validation.record import SuiteResult
from validation.suite import HOST_SUITES_FOLDER, SUITES, Suite

Check = Callable[[CheckRun], None]
START = next(suite for suite in SUITES if suite.on_host)


def _raise(error: Exception) -> Check:
    def check(_: CheckRun) -> None:
        raise error

    return check


def _refuse(_: CheckRun) -> None:
    require(False, "it ended with 0", "7", "an entry point")


def _run(monkeypatch: pytest.MonkeyPatch, signals: Check, *, of_image: bool = True) -> SuiteResult:
    """Judge the shipped suite with other checks: all pass but `signals`."""
    module: Any = ModuleType("test_start")
    names = [name for name in vars(test_start) if name.startswith("test_")]
    for name in names:
        setattr(module, name, lambda _: None)
    module.test_signals = signals
    monkeypatch.setattr(checking, "MODULES", {"start": module})
    suite = Suite("start", "base", 1, 2, listed=False, on_host=True, folder=HOST_SUITES_FOLDER)
    run: Any = CheckRun(None, EXPECTED, "5" * 64)  # type: ignore[arg-type] # nothing is started
    return judge_suite(suite, checking.run_checks(suite, run, lambda: of_image))


def test_all_that_passes_is_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    result = _run(monkeypatch, lambda _: None)
    assert (result.verdict, result.reason) == (Verdict.PASS, "")
    assert [check.name for check in result.checks][:2] == ["volumes", "exit_codes"]


def test_a_refusal_has_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    result = _run(monkeypatch, _refuse)
    assert result.verdict is Verdict.FAIL
    assert (result.reason, result.cause) == (
        "signals: it ended with 0, expected 7",
        "an entry point",
    )


@pytest.mark.parametrize(
    ("error", "of_image", "verdict", "words"),
    [
        (StartRefused("no such user"), True, Verdict.FAIL, "signals: the image cannot be started"),
        (StartRefused("no disk"), False, Verdict.INFRA, "the engine failed: no disk"),
        (ImageCannotStart("a pipe"), False, Verdict.FAIL, "signals: the image cannot be started"),
        (Malformed("it printed more"), True, Verdict.FAIL, "what the suite wrote is refused"),
        (MachineFailed("no disk"), True, Verdict.INFRA, "this machine failed: no disk"),
    ],
)
def test_who_is_at_fault(
    error: Exception,
    of_image: bool,
    verdict: Verdict,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = _run(monkeypatch, _raise(error), of_image=of_image)
    assert result.verdict is verdict
    assert words in result.reason
    assert isinstance(error, Malformed) or result.checks[0].verdict is Verdict.PASS


def test_a_suite_without_time_left_hung(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 100))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    result = _run(monkeypatch, lambda _: None)
    assert result.verdict is Verdict.FAIL
    assert "hung in" in result.reason


def test_the_challenge_is_that_of_every_suite() -> None:
    """Without an answer nothing passes."""
    module: Any = ModuleType("test_start")
    for name in vars(test_start):
        if name.startswith("test_"):
            setattr(module, name, lambda _: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checking, "MODULES", {"start": module})
        run: Any = CheckRun(None, EXPECTED, "5" * 64)  # type: ignore[arg-type] # nothing is started
        ended = checking.run_checks(START, run, lambda: True)
    challenge = SuiteChallenge(EXPECTED, "5" * 64)
    result = judge_suite(START, replace(ended, challenge=challenge))
    assert "challenge: no answers to `product`" in result.reason
