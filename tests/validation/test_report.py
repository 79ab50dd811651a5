"""Any text that an image puts in place of a report becomes a verdict, never an error."""

from __future__ import annotations

import json
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.untrusted import Malformed
from runner.verdict import Verdict
from validation.judge import SuiteExecution, judge_suite
from validation.record import Figure
from validation.report import MESSAGE_CHARACTERS, read_report
from validation.suite import SUITES

SUITE = SUITES[0]
TEST: dict[str, Any] = {
    "$report_type": "TestReport",
    "nodeid": "device/test_device.py::test_a",
    "when": "call",
    "outcome": "failed",
    "duration": 0.5,
    "longrepr": {
        "reprcrash": {"path": "x", "lineno": 1, "message": "AssertionError: found\nmore"},
        "reprtraceback": {},
    },
    "user_properties": [["rate", [2.5, "images/s"]]],
    "keywords": {"test_a": 1},
}
FINISH = {"$report_type": "SessionFinish", "exitstatus": 1}
SECONDS = 300.0


def lines(*entries: object) -> str:
    return "".join(json.dumps(entry) + "\n" for entry in entries)


def test_a_report_is_read() -> None:
    report = read_report(
        lines({"pytest_version": "8", "$report_type": "SessionStart"}, TEST, FINISH), SECONDS
    )
    (phase,) = report.phases
    assert (phase.message, phase.seconds, phase.figures) == (
        "AssertionError: found",
        0.5,
        (Figure("rate", 2.5, "images/s"),),
    )
    assert (report.exit_code, report.whole, report.not_collected) == (1, True, ())


ENDING: dict[str, Any] = {
    "kind": "infra",
    "found": "60 MB\n::error::of memory",
    "expected": "64 MB",
    "cause": "a small\x1b[31m machine",
}


def test_what_was_found_what_was_expected_and_the_cause_are_fields() -> None:
    (phase,) = read_report(lines(TEST | {"ending": ENDING}), SECONDS).phases
    assert phase.ending is not None
    assert phase.ending.found == "60 MB : :error::of memory"
    (check,) = judge_suite(
        SUITE, SuiteExecution(1, 1.0, report=lines(TEST | {"ending": ENDING}, FINISH))
    ).checks
    assert check.reason == "60 MB : :error::of memory, expected 64 MB"
    assert check.cause == "a small machine"


@pytest.mark.parametrize(
    "text",
    ["infra: the disk is full", "not run: no GPU", "1, expected 2; likely cause: a wrong kernel"],
)
@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_no_words_of_a_message_are_read_as_fields(text: str, outcome: str) -> None:
    """An image, or an assertion of a library, may print them."""
    test = TEST | {"outcome": outcome, "longrepr": text}
    torn_down = TEST | {"when": "teardown", "outcome": "passed", "longrepr": None}
    (check,) = judge_suite(
        SUITE, SuiteExecution(1, 1.0, report=lines(test, torn_down, FINISH))
    ).checks
    assert check.verdict is Verdict.FAIL
    assert check.reason.endswith(text)
    assert check.cause == ""


@pytest.mark.parametrize("kind", ["pass", "flaky", "inconclusive", "", None, 1])
def test_a_check_cannot_end_otherwise(kind: object) -> None:
    with pytest.raises(Malformed, match="ending"):
        read_report(lines(TEST | {"ending": ENDING | {"kind": kind}}), SECONDS)


def test_a_passed_check_has_no_ending() -> None:
    """A check that passed cannot also say that it was not run."""
    passed = TEST | {"outcome": "passed", "longrepr": None, "ending": ENDING}
    torn_down = passed | {"when": "teardown"}
    (check,) = judge_suite(
        SUITE, SuiteExecution(1, 1.0, report=lines(passed, torn_down, FINISH))
    ).checks
    assert (check.verdict, check.reason) == (Verdict.PASS, "")


def many_figures(tests: int, characters: int) -> str:
    """Return a report of tests that have 100 figures each, with long names and units."""
    figures = [["n" * characters, [1.0, "u" * characters]]] * 100
    silent = {**TEST, "longrepr": "failed", "user_properties": figures}
    return lines(*({**silent, "nodeid": f"{each:02}"} for each in range(tests)))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"nodeid": None}, "`nodeid`: Input should be a valid string"),
    ({"nodeid": ""}, "`nodeid`: String should have at least 1 character"),
    ({"nodeid": "x" * 301}, "`nodeid`: String should have at most 300 characters"),
    ({"when": "later"}, "`when`: Input should be"),
    ({"outcome": "good"}, "`outcome`: Input should be"),
    ({"duration": "1"}, "`duration`: Input should be a valid number"),
    ({"duration": True}, "`duration`: Input should be a valid number"),
    ({"duration": -1}, "`duration`: Input should be greater than or equal to 0"),
    ({"duration": 301}, "took 301 s, but the suite may take only 300 s"),
    ({"duration": 10**400}, "`duration`"),
    ({"longrepr": 5}, "`longrepr"),
    ({"longrepr": {}}, "`longrepr"),
    ({"longrepr": [1, 2]}, "`longrepr"),
    ({"user_properties": None}, "`user_properties`: Input should be a valid list"),
    ({"user_properties": [["rate", 2.5]]}, "Input should be a valid tuple"),
    ({"user_properties": [["rate", [2.5]]]}, "`rate` is not a number with a unit"),
    ({"user_properties": [["rate", ["2.5", "s"]]]}, "`rate` is not a number with a unit"),
    (
        {"user_properties": [["x" * 301, [1, "s"]]]},
        "`user_properties.0.0`: String should have at most 300 characters",
    ),
    (
        {"user_properties": [["x", [1, "s"]]] * 101},
        "`user_properties`: List should have at most 100 items",
    ),
    ({"wasxfail": 5}, "`wasxfail`: Input should be a valid string"),
]


@pytest.mark.parametrize(("changed", "says"), WRONG, ids=lambda value: str(value)[:40])
def test_every_field_has_its_type(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_report(lines(TEST | changed), SECONDS)
    assert says in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (lines({**FINISH, "exitstatus": "0"}), "`exitstatus`: Input should be a valid integer"),
        (
            lines({**FINISH, "exitstatus": 256}),
            "`exitstatus`: Input should be less than or equal to 255",
        ),
        (
            lines({"$report_type": "CollectReport", "outcome": "?", "longrepr": None}),
            "`outcome`: Input should be",
        ),
        (lines({"$report_type": "\x1b[2J"}), "line 1 is not an entry of pytest's report log"),
        (lines([]), "line 1 is not an entry of pytest's report log"),
        (lines(5), "line 1 is not an entry of pytest's report log"),
        ("[" * 200_000 + "\n", "line 1: JSON that is nested deeper"),
        ("\x00\x00\n", "line 1: not JSON"),
        ("\n" * 5001, "it has 5,001 lines, more than the allowed 5,000"),
        ("x" * (33 << 20), "it has 34,603,008 characters, more than the allowed 33,554,432"),
        ("x" * (5 << 20) + "\n", "line 1: 5,242,880 bytes of JSON, more than the allowed"),
        (lines(TEST).replace("0.5", "NaN"), "line 1: not JSON: NaN is not a JSON value"),
        (lines(TEST).replace("0.5", "1e999"), "the number 1e999 is too large"),
        (
            lines(*({**TEST, "nodeid": f"a::{each}"} for each in range(501))),
            "more than the allowed 500 tests",
        ),
        (lines(*[TEST] * 11), "more than the allowed 10 results of one test"),
        (many_figures(51, 1), "it has 5,100 figures, more than the allowed 5,000"),
        (many_figures(10, 250), "have 500,080 characters, more than the allowed 500,000"),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_no_report(text: str, says: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_report(text, SECONDS)
    assert says in str(refused.value)
    result = judge_suite(SUITE, SuiteExecution(0, 1.0, report=text))
    assert result.verdict is Verdict.FAIL
    assert result.reason == f"the report is malformed: {refused.value}"


@pytest.mark.parametrize("part", ["[[[[[[]]]]]],", "[],", '{"":0},'])
def test_many_values_are_refused_before_they_are_read(part: str) -> None:
    """A report within the bound of bytes took minutes and a gigabyte to read."""
    started = time.monotonic()
    with pytest.raises(Malformed, match="more than the allowed 300,000 values"):
        read_report(f'{{"$report_type": "WarningMessage", "x": [{part * 300_000}0]}}\n', SECONDS)
    assert time.monotonic() - started < 5


def test_text_is_cleaned_and_bounded() -> None:
    message = "\x1b[31mred\x1b[0m \u202egnp.exe\n::error::injected"
    hostile = TEST | {
        "nodeid": "device/test_device.py::test_\x1b[2Ja\n::error::x",
        "longrepr": {"reprcrash": {"path": "x", "lineno": 1, "message": message + "x" * 100_000}},
        "user_properties": [["\x1b[2Jrate", [1, "\u200bs"]]],
    }
    result = judge_suite(
        SUITE, SuiteExecution(1, 1.0, report=lines(hostile, FINISH), output="\x1b[2J::error::x\n")
    )
    (check,) = result.checks
    assert (check.name, check.reason) == ("x", "red gnp.exe")
    assert check.figures == (Figure("rate", 1.0, "s"),)
    assert result.last_output == ": :error::x\n"
    long = TEST | {"longrepr": "y" * 1_000_000, "wasxfail": "z" * 1_000_000}
    (check,) = judge_suite(SUITE, SuiteExecution(1, 1.0, report=lines(long, FINISH))).checks
    assert len(check.reason) <= MESSAGE_CHARACTERS


@pytest.mark.parametrize(
    "words", ["shm_open", "Cuda failure ", "to file </torch_ ", "\x1b[", "\n ", ", expected "]
)
def test_judging_takes_time_in_proportion_to_the_report(words: str) -> None:
    """Known error texts are searched in what a failure tells: repeated without end they must not
    stop the host.
    """
    tests = [TEST | {"nodeid": f"a::test_{each}", "longrepr": words * 5000} for each in range(50)]
    started = time.monotonic()
    judge_suite(
        SUITE,
        SuiteExecution(
            1, 1.0, report=lines(*tests, FINISH), output=words * 5000, running=words * 1000
        ),
    )
    assert time.monotonic() - started < 20


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ENTRY = st.fixed_dictionaries(
    {
        "$report_type": st.sampled_from(
            ["TestReport", "CollectReport", "SessionFinish", "SessionStart"]
        )
    },
    optional={
        "nodeid": st.sampled_from(["a::test_a", "a::test_b[1]"]) | JSON,
        "when": st.sampled_from(["setup", "call", "teardown", "???"]) | JSON,
        "outcome": st.sampled_from(["passed", "failed", "skipped"]) | JSON,
        "duration": st.floats(0, 1) | JSON,
        "longrepr": st.fixed_dictionaries(
            {"reprcrash": st.fixed_dictionaries({"message": st.text()})}
        )
        | JSON,
        "user_properties": st.just([["rate", [1.0, "s"]]]) | JSON,
        "exitstatus": st.integers(0, 5) | JSON,
        "wasxfail": st.text(),
        "ending": st.just(ENDING) | JSON,
    },
)


@given(
    st.lists(ENTRY, max_size=6).map(lambda entries: lines(*entries)) | st.text(),
    st.text(),
    st.text(),
)
def test_any_text_is_judged(report: str, running: str, output: str) -> None:
    result = judge_suite(
        SUITE, SuiteExecution(0, 1.0, report=report, running=running, output=output)
    )
    assert result.verdict is not Verdict.PASS
    texts = [
        result.reason,
        result.cause,
        *(text for check in result.checks for text in (check.name, check.reason)),
    ]
    assert not [each for each in "".join(texts) if unicodedata.category(each) in ("Cc", "Cs")]


@given(st.binary(max_size=200))
def test_any_change_of_a_report_is_judged(noise: bytes) -> None:
    text = lines(TEST, FINISH).encode()
    for at in range(0, len(text), 37):
        changed = (text[:at] + noise + text[at + len(noise) :]).decode(errors="replace")
        assert judge_suite(SUITE, SuiteExecution(1, 1.0, report=changed)).verdict is Verdict.FAIL


def test_what_the_engine_says_is_cleaned() -> None:
    said = "unable to find user \x1b[2J\n::error::x"
    for ended in (
        SuiteExecution(None, 1.0, engine_problem=said),
        SuiteExecution(None, 1.0, host_problem=said),
    ):
        result = judge_suite(SUITE, ended)
        assert result.verdict is Verdict.INFRA
        assert result.reason.endswith("unable to find user : :error::x")
