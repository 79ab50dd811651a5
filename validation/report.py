"""The report that pytest wrote inside the image under test, read as a stranger's text.

Every field is checked for its type and bounded in size; text comes out cleaned. What differs from
the lines that pytest-reportlog writes is Malformed, and so a verdict about the image.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, Strict, TypeAdapter, ValidationError

from runner.untrusted import Malformed, clean_line, clean_text, parse_json
from validation.record import Figure
from validation.suites.contract.ending import CheckEnding
from validation.suites.contract.words import ANSWER

REPORT_BYTES = 32 << 20
"""The largest report of a suite has some 100 KB."""
LINE_BYTES = 4 << 20
LINES = 5000
PARTS = 300_000
"""Brackets and commas of a whole report: each can be a value, and reading values costs more than
their bytes do. The largest report has some thousands.
"""
TESTS = 500
"""The largest suite has 30 tests."""
PHASES = 10
"""Of one test. It has three: set-up, call and tear-down."""
FIGURES = 100
"""Of one test."""
ALL_FIGURES = 5000
KEPT_CHARACTERS = 500_000
"""Of a whole report, in the names, units and messages that enter a record, as JSON writes them.

The largest report has some hundred figures, and some ten thousand characters. A record of all
suites must stay small enough to be read again.
"""
VALUES = 1024
"""Of one answer to a part of a challenge."""
NAME_CHARACTERS = 300
MESSAGE_CHARACTERS = 4000
ACCOUNT_CHARACTERS = 8000
"""What is kept of the account of a failure: its beginning and its end.

Known error texts are searched in it.
"""


@dataclass(frozen=True)
class TestPhase:
    """One phase of one test.

    `when` is `setup`, `call`, `teardown`, or `???` for a test whose worker process died.

    `message` is the one line that says what happened, `account` all that was told, cut. `ending` is
    how one of this project's checks says why it did not pass.
    `expected_failure` is the reason of an xfail mark, None if there is no such mark. `answers` are
    (part, values) of a challenge.
    """

    nodeid: str
    when: str
    outcome: str
    seconds: float
    message: str
    account: str
    expected_failure: str | None
    figures: tuple[Figure, ...]
    answers: tuple[tuple[str, tuple[float | str, ...]], ...] = ()
    ending: CheckEnding | None = None


@dataclass(frozen=True)
class SuiteReport:
    """Content of a report.

    `not_collected` are errors of the module, `exit_code` is None if the session did not end.

    `whole` is False if the last line has no end: the process died while it wrote.
    """

    phases: tuple[TestPhase, ...] = ()
    not_collected: tuple[str, ...] = ()
    exit_code: int | None = None
    whole: bool = False


def read_report(text: str, longest_s: float) -> SuiteReport:
    """Return what the report `text` says. Raise Malformed if it is not one.

    No test can have taken more than `longest_s` seconds.
    """
    if len(text) > REPORT_BYTES:
        raise Malformed(f"it has {len(text):,} characters, more than the allowed {REPORT_BYTES:,}")
    *lines, rest = text.split("\n")
    if len(lines) > LINES:
        raise Malformed(f"it has {len(lines):,} lines, more than the allowed {LINES:,}")
    if sum(map(text.count, "[{,")) > PARTS:
        raise Malformed(f"it has more than the allowed {PARTS:,} values")
    entries = [_parse_line(number, line) for number, line in enumerate(lines, start=1)]
    phases = tuple(
        _parse_phase(found, longest_s) for found in _parse_kind(_TEST, "TestReport", entries)
    )
    phases_by_test = Counter(phase.nodeid for phase in phases)
    if len(phases_by_test) > TESTS:
        raise Malformed(f"it has results of more than the allowed {TESTS:,} tests")
    if max(phases_by_test.values(), default=0) > PHASES:
        raise Malformed(f"it has more than the allowed {PHASES} results of one test")
    _require_few_texts(phases)
    collected = _parse_kind(_COLLECT, "CollectReport", entries)
    finished = _parse_kind(_FINISH, "SessionFinish", entries)
    return SuiteReport(
        phases=phases,
        not_collected=tuple(
            _collection_message(each.longrepr) for each in collected if each.outcome != "passed"
        ),
        exit_code=finished[0].exitstatus if finished else None,
        whole=bool(lines) and not rest,
    )


def _require_few_texts(phases: Sequence[TestPhase]) -> None:
    """Raise Malformed if more figures or text would enter a record than any suite has."""
    figures = [figure for phase in phases for figure in phase.figures]
    if len(figures) > ALL_FIGURES:
        raise Malformed(f"it has {len(figures):,} figures, more than the allowed {ALL_FIGURES:,}")
    texts = [text for figure in figures for text in (figure.name, figure.unit)]
    texts += [text for phase in phases for text in (phase.nodeid, phase.message)]
    endings = [phase.ending for phase in phases if phase.ending]
    texts += [text for each in endings for text in (each.reason, each.cause)]
    kept = sum(len(json.dumps(text)) - 2 for text in texts)
    if kept > KEPT_CHARACTERS:
        raise Malformed(
            f"its names and messages have {kept:,} characters, more than the allowed "
            f"{KEPT_CHARACTERS:,}"
        )


# The lines of pytest-reportlog: what is read of them, and of which type it must be

_Text = Annotated[str, Strict()]
_Nodeid = Annotated[str, Strict(), Field(min_length=1, max_length=NAME_CHARACTERS)]
_Name = Annotated[str, Strict(), Field(max_length=NAME_CHARACTERS)]
_Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
_Measured = tuple[_Number, _Name]
_Answer = Annotated[list[_Number | _Name], Field(max_length=VALUES)]
_Property = Annotated[_Measured | _Answer, Field(union_mode="left_to_right")]
_Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class _CrashPlace:
    message: _Text


@dataclass(frozen=True)
class _Failure:
    reprcrash: _CrashPlace | None


@dataclass(frozen=True)
class _Ending:
    kind: Literal["fail", "infra", "not run"]
    found: _Text
    expected: _Text
    cause: _Text


_Longrepr = _Failure | tuple[_Text, int | None, _Text] | _Text | None


@dataclass(frozen=True)
class _TestReport:
    nodeid: _Nodeid
    when: Literal["setup", "call", "teardown", "???"]
    outcome: _Outcome
    duration: Annotated[_Number, Field(ge=0)]
    longrepr: _Longrepr
    user_properties: Annotated[list[tuple[_Name, _Property]], Field(max_length=FIGURES)]
    wasxfail: _Text | None = None
    account: str = ""
    ending: _Ending | None = None


@dataclass(frozen=True)
class _CollectReport:
    outcome: _Outcome
    longrepr: _Longrepr


@dataclass(frozen=True)
class _SessionFinish:
    exitstatus: Annotated[int, Strict(), Field(ge=0, le=255)]


_TEST, _COLLECT, _FINISH = (
    TypeAdapter(_TestReport),
    TypeAdapter(_CollectReport),
    TypeAdapter(_SessionFinish),
)
_KINDS = ("SessionStart", "SessionFinish", "CollectReport", "TestReport", "WarningMessage")

_Entry = tuple[int, dict[str, Any]]
_T = TypeVar("_T")


def _parse_line(number: int, line: str) -> _Entry:
    """Return the number and the value of one line."""
    try:
        value = parse_json(line, LINE_BYTES)
    except Malformed as error:
        raise Malformed(f"line {number}: {error}") from None
    if not isinstance(value, dict) or value.get("$report_type") not in _KINDS:
        raise Malformed(f"line {number} is not an entry of pytest's report log")
    return number, value


def _parse_kind(adapter: TypeAdapter[_T], kind: str, entries: Sequence[_Entry]) -> list[_T]:
    found = []
    for number, value in entries:
        if value["$report_type"] != kind:
            continue
        account = _cut_text(str(value.get("longrepr")))
        try:
            found.append(adapter.validate_python({**value, "account": account}))
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise Malformed(clean_line(f"line {number}, `{place}`: {first['msg']}")) from None
    return found


# From lines to phases


def _parse_phase(found: _TestReport, longest_s: float) -> TestPhase:
    if found.duration > longest_s:
        raise Malformed(
            f"`{clean_line(found.nodeid)}` took {found.duration:.0f} s, but the suite "
            f"may take only {longest_s:.0f} s"
        )
    figures, answers = [], []
    for name, given in found.user_properties:
        if name.startswith(ANSWER):
            answers.append((clean_line(name.removeprefix(ANSWER)), tuple(given)))
        elif isinstance(given, tuple):
            figures.append(Figure(clean_line(name), given[0], clean_line(given[1])))
        else:
            raise Malformed(f"`{clean_line(name)}` is not a number with a unit")
    ending = None
    if its := found.ending:
        texts = (its.found, its.expected, its.cause)
        ending = CheckEnding(its.kind, *(clean_line(each, MESSAGE_CHARACTERS) for each in texts))
    return TestPhase(
        nodeid=found.nodeid,
        when=found.when,
        outcome=found.outcome,
        seconds=found.duration,
        message=_failure_message(found.longrepr),
        account=clean_text(found.account),
        expected_failure=None if found.wasxfail is None else clean_line(found.wasxfail),
        figures=tuple(figures),
        answers=tuple(answers),
        ending=ending,
    )


def _failure_message(longrepr: _Longrepr) -> str:
    """Return the one line of a failure that says what happened."""
    text = _text_of_failure(longrepr)[:MESSAGE_CHARACTERS]
    return next(
        (line for each in text.splitlines() if (line := clean_line(each, MESSAGE_CHARACTERS))),
        "no message",
    )


def _collection_message(longrepr: _Longrepr) -> str:
    """Return the cause of an import error: the last line of the traceback that names it."""
    lines = [
        line for line in _cut_text(_text_of_failure(longrepr)).splitlines() if line.startswith("E ")
    ]
    return (
        clean_line(lines[-1].removeprefix("E "), MESSAGE_CHARACTERS)
        if lines
        else _failure_message(longrepr)
    )


def _text_of_failure(longrepr: _Longrepr) -> str:
    if isinstance(longrepr, _Failure):
        return longrepr.reprcrash.message if longrepr.reprcrash else ""
    return longrepr[-1] if isinstance(longrepr, tuple) else longrepr or ""


def _cut_text(text: str) -> str:
    half = ACCOUNT_CHARACTERS // 2
    return text if len(text) <= ACCOUNT_CHARACTERS else text[:half] + text[-half:]
