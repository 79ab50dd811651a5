"""What a suite of the shipped list writes when every check passes that can: for tests that change
one thing in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from tests.validation.suites_here import asserted
from validation import check_list
from validation.answers import compute_answers
from validation.judge import SuiteExecution
from validation.proof import SuiteChallenge
from validation.suite import EVERY_SUITE, Suite
from validation.suites.contract.ending import ENDING, NOT_RUN, CheckEnding
from validation.suites.contract.expected import Expected
from validation.suites.contract.words import ANSWER, CHALLENGE, NO_GPU

NONCE = "5" * 64
Entry = dict[str, Any]
Change = Callable[[list[Entry]], list[Entry]]


def suite_named(name: str) -> Suite:
    return next(suite for suite in EVERY_SUITE if suite.name == name)


def planned(gpus: int) -> Expected:
    """What the base image's tag asserts, in a run that was planned with so many GPUs."""
    return replace(asserted("base"), device="cuda" if gpus else "cpu", gpu_count=gpus)


def entries(suite: Suite, gpus: int = 0, nonce: str = NONCE) -> list[Entry]:
    """The lines of the report, one for each check: its call. `ended` adds the phases around it."""
    expected = planned(gpus)
    return [
        _entry(suite, name, known, expected, nonce)
        for name, known in check_list.load_checks(suite).items()
    ]


def _entry(
    suite: Suite, name: str, known: check_list.ListedCheck, expected: Expected, nonce: str
) -> Entry:
    runs = known.gpus <= expected.gpu_count
    figures = [figure for figure in check_list.expected_figures(known, expected) if figure.required]
    properties: list[list[Any]] = (
        [[figure.name, [0.5, figure.unit]] for figure in figures] if runs else []
    )
    if name == CHALLENGE:
        right = compute_answers(suite.name, nonce, expected)
        properties += [[f"{ANSWER}{part}", list(answer.values)] for part, answer in right.items()]
    return {
        "nodeid": f"{suite.module_file}::test_{name}",
        "outcome": "passed" if runs else "skipped",
        "longrepr": None if runs else ["conftest.py", 1, f"Skipped: {NO_GPU}"],
        ENDING: None if runs else asdict(CheckEnding(NOT_RUN, NO_GPU)),
        "user_properties": properties,
    }


def ended(
    suite: Suite, calls: Sequence[Mapping[str, Any]], gpus: int = 0, seconds: float = 60.0
) -> SuiteExecution:
    """How a container ended that left this report."""
    passed = {"outcome": "passed", "longrepr": None}
    lines: list[Entry] = [
        {
            "$report_type": "TestReport",
            "duration": 0.01,
            **call,
            **({} if when == "call" else passed),
            "when": when,
        }
        for call in calls
        for when in ("setup", "call", "teardown")
    ]
    lines.append({"$report_type": "SessionFinish", "exitstatus": 0})
    report = "".join(f"{json.dumps(line)}\n" for line in lines)
    return SuiteExecution(
        exit_code=0, seconds=seconds, report=report, challenge=SuiteChallenge(planned(gpus), NONCE)
    )
