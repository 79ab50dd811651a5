"""Proof that a report was made by the suites.

Its answers depend on a nonce, and it is compared with the list of the suite's checks.

An image can write any report. What it cannot know before the run is the nonce. The host computes
the right answers itself; a report without them, or one that contradicts the list or the plan of the
run, proves nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from runner.nouns import count_noun
from runner.untrusted import clean_line
from runner.verdict import Verdict
from validation import check_list
from validation.answers import ExpectedAnswer, compute_answers
from validation.record import Check
from validation.report import TestPhase
from validation.suite import Suite
from validation.suites.contract.expected import Expected
from validation.suites.contract.words import CHALLENGE, EXPECTED

NOT_MADE = "the report was not made by the suites"
CAUSE = "a wrong kernel or library, or a forged report"
SLACK_S = 1.0
"""Two clocks and the rounding of many durations differ by less."""

_SHOWN = 60


@dataclass(frozen=True)
class SuiteChallenge:
    """Input of a suite in one run: what the tag asserts, and a nonce for its answers."""

    expected: Expected
    nonce: str


def make_challenge(expected: Expected) -> SuiteChallenge:
    """Return what to tell a suite, with a nonce that nobody has seen before."""
    return SuiteChallenge(expected, secrets.token_hex(32))


def examine_report(
    suite: Suite,
    challenge: SuiteChallenge | None,
    seconds: float,
    phases: Iterable[TestPhase],
    checks: Sequence[Check],
) -> tuple[tuple[Check, ...], str]:
    """Return the checks, and why the whole report is rejected, empty if it is not.

    Checks that contradict their list are set to failed. `phases` are those of the report, `seconds`
    is how long the container ran. A suite without a list is not examined.
    """
    if not suite.listed:
        return tuple(checks), ""
    if challenge is None:
        return tuple(checks), f"{NOT_MADE}: nobody gave `{suite.name}` a nonce"
    known = check_list.load_checks(suite)
    given = (
        answer
        for phase in phases
        if phase.nodeid.endswith(f"::test_{CHALLENGE}") and phase.when == "call"
        for answer in phase.answers  # a later phase repeats them
    )
    wrong = _describe_wrong_answer(
        compute_answers(suite.name, challenge.nonce, challenge.expected), given
    )
    examined = tuple(
        _examine_check(check, known.get(check.name), challenge.expected, wrong) for check in checks
    )
    nothing_failed = all(check.verdict in (Verdict.PASS, Verdict.NOT_RUN) for check in checks)
    problems = (
        f"{CHALLENGE}: {wrong}" if wrong and nothing_failed else "",
        check_list.describe_wrong_names(known, checks),
        _describe_impossible_time(
            checks, seconds, suite.count_processes(challenge.expected.gpu_count)
        ),
    )
    return examined, next((f"{NOT_MADE}: {problem}" for problem in problems if problem), "")


def _examine_check(
    check: Check, known: check_list.ListedCheck | None, expected: Expected, wrong_answer: str
) -> Check:
    """Return `check`, or the same as failed. What failed by itself stays as it is."""
    if known is None:
        return check
    if found := check_list.describe_contradiction(check, known, expected):
        return replace(check, verdict=Verdict.FAIL, reason=found, cause=NOT_MADE)
    if check.name == CHALLENGE and check.verdict is Verdict.PASS and wrong_answer:
        return replace(check, verdict=Verdict.FAIL, reason=wrong_answer, cause=CAUSE)
    return check


def _describe_impossible_time(checks: Sequence[Check], seconds: float, workers: int) -> str:
    """Return how the durations contradict the time that the container ran."""
    if any(not 0 <= check.seconds <= seconds + SLACK_S for check in checks):
        check = next(check for check in checks if not 0 <= check.seconds <= seconds + SLACK_S)
        return (
            f"`{check.name}` took {check.seconds:.1f} s{EXPECTED}0 to {seconds:.1f} s, as long "
            "as the container ran"
        )
    total = sum(check.seconds for check in checks)
    if total > workers * seconds + SLACK_S:
        return (
            f"its checks took {total:.1f} s{EXPECTED}at most {workers * seconds:.1f} s, as "
            "long as the container ran"
        )
    return ""


def _describe_wrong_answer(
    right: Mapping[str, ExpectedAnswer], given: Iterable[tuple[str, tuple[float | str, ...]]]
) -> str:
    """Return what is wrong with the first wrong answer, empty if every answer is right."""
    found: dict[str, list[tuple[float | str, ...]]] = {}
    for part, values in given:
        found.setdefault(part, []).append(values)
    for part, answer in right.items():
        if (count := len(found.get(part, []))) != 1:
            answers = count_noun(count, "answer") if count else "no answers"
            return f"{answers} to `{part}`{EXPECTED}one"
        if wrong := _describe_difference(found[part][0], answer):
            return f"the answer to `{part}` {wrong}"
    if beyond := sorted(set(found) - set(right)):
        return f"an answer to `{beyond[0]}`{EXPECTED}none: that was not asked"
    return ""


def _describe_difference(values: tuple[float | str, ...], right: ExpectedAnswer) -> str:
    if len(values) != len(right.values):
        return f"has {count_noun(len(values), 'value')}{EXPECTED}{len(right.values)}"
    for at, (value, wanted) in enumerate(zip(values, right.values, strict=True)):
        is_right = (
            value == wanted
            if isinstance(value, str) or isinstance(wanted, str)
            else abs(value - wanted) <= right.tolerance
        )
        if not is_right:
            return f"has `{_show_values(value)}` in place {at}{EXPECTED}`{_show_values(wanted)}`"
    return ""


def _show_values(value: float | str) -> str:
    return clean_line(value if isinstance(value, str) else f"{value:.12g}", _SHOWN)
