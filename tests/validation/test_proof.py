"""A report is believed if it has the right answers, all checks, all figures, and says nothing the
plan rules out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.verdict import Verdict
from tests.validation.honest import NONCE, Entry, ended, entries, planned, suite_named
from validation import proof
from validation.answers import compute_answers
from validation.judge import judge_suite
from validation.record import SuiteResult
from validation.report import VALUES
from validation.suite import EVERY_SUITE, Suite
from validation.suites.contract.ending import NOT_RUN, CheckEnding
from validation.suites.contract.words import ANSWER, CHALLENGE, NO_GPU

DEVICE, THROUGHPUT = suite_named("device"), suite_named("throughput")
BY_NAME = pytest.mark.parametrize("suite", EVERY_SUITE, ids=lambda suite: suite.name)


def _judged(suite: Suite, calls: list[Entry], gpus: int = 0, seconds: float = 60.0) -> SuiteResult:
    return judge_suite(suite, ended(suite, calls, gpus, seconds))


def _call(calls: list[Entry], name: str) -> Entry:
    return next(call for call in calls if call["nodeid"].endswith(f"::test_{name}"))


def _reason(result: SuiteResult, name: str) -> str:
    return next(check.reason for check in result.checks if check.name == name)


@pytest.mark.parametrize("gpus", [0, 1, 2, 4])
@BY_NAME
def test_the_report_of_a_suite_is_believed(suite: Suite, gpus: int) -> None:
    result = _judged(suite, entries(suite, gpus), gpus)
    assert result.verdict in (Verdict.PASS, Verdict.NOT_RUN), result
    assert {check.reason for check in result.checks} <= {"", NO_GPU}


@BY_NAME
def test_answers_of_another_run_are_not(suite: Suite) -> None:
    """An image that keeps what it once answered."""
    result = _judged(suite, entries(suite, nonce="6" * 64))
    assert result.verdict is Verdict.FAIL
    assert result.reason.startswith(
        "the report was not made by the suites: challenge: the answer to `"
    )
    assert [check.name for check in result.checks if check.verdict is Verdict.FAIL] == [CHALLENGE]


@BY_NAME
def test_a_report_without_answers_is_not(suite: Suite) -> None:
    calls = entries(suite)
    _call(calls, CHALLENGE)["user_properties"] = []
    assert _judged(suite, calls).reason.startswith(
        "the report was not made by the suites: challenge: no answers to `"
    )


@BY_NAME
@settings(max_examples=25)
@given(data=st.data())
def test_any_other_value_is_wrong(suite: Suite, data: st.DataObject) -> None:
    """One value of one part, changed to any other."""
    calls = entries(suite)
    part, values = data.draw(st.sampled_from(_call(calls, CHALLENGE)["user_properties"]))
    tolerance = compute_answers(suite.name, NONCE, planned(0))[part.removeprefix(ANSWER)].tolerance
    place = data.draw(st.integers(0, len(values) - 1))
    before = values[place]
    values[place] = data.draw(st.floats(-1e9, 1e9) | st.integers(-1000, 1000) | st.text(max_size=5))
    same = values[place] == before or (
        not isinstance(before, str)
        and not isinstance(values[place], str)
        and abs(before - values[place]) <= tolerance
    )
    result = _judged(suite, calls)
    assert (result.verdict is not Verdict.FAIL) is same, (before, values[place])


WRONG_ANSWERS: dict[str, tuple[Callable[[list[Any]], list[Any]], str]] = {
    "one value less": (
        lambda parts: [[parts[0][0], parts[0][1][:-1]], *parts[1:]],
        "has 255 values, expected 256",
    ),
    "a part left out": (lambda parts: parts[1:], "no answers to `matmul cpu`, expected one"),
    "a part twice": (lambda parts: [*parts, parts[0]], "2 answers to `matmul cpu`, expected one"),
    "a part that nobody asked": (
        lambda parts: [*parts, [f"{ANSWER}x", [1]]],
        "an answer to `x`, expected none",
    ),
    "text": (lambda parts: [[parts[0][0], ["\x1b[31m"] * 256]], "has `` in place 0"),
    "nothing": (lambda _: [[f"{ANSWER}matmul cpu", []]], "has 0 values, expected 256"),
    "an integer that no float holds": (
        lambda _: [[f"{ANSWER}matmul cpu", [10**400] * 256]],
        "is malformed",
    ),
    "too many values": (lambda _: [[f"{ANSWER}matmul cpu", [1] * (VALUES + 1)]], "is malformed"),
    "lists of lists": (lambda _: [[f"{ANSWER}matmul cpu", [[1]]]], "is malformed"),
}


@pytest.mark.parametrize("case", WRONG_ANSWERS)
def test_wrong_answers(case: str) -> None:
    change, says = WRONG_ANSWERS[case]
    calls = entries(DEVICE)
    asked = _call(calls, CHALLENGE)
    asked["user_properties"] = change(asked["user_properties"])
    result = _judged(DEVICE, calls)
    assert result.verdict is Verdict.FAIL
    assert says in result.reason


def test_a_wrong_answer_beside_another_failure_fails_its_check_alone() -> None:
    """An image with a wrong kernel is not called a forger."""
    calls = entries(DEVICE, nonce="6" * 64)
    _call(calls, "kernels_on_the_cpu[fp32]").update(
        outcome="failed", longrepr="matmul is off", user_properties=[]
    )
    result = _judged(DEVICE, calls)
    assert result.reason == "kernels_on_the_cpu[fp32]: matmul is off"
    assert _reason(result, CHALLENGE).startswith("the answer to `matmul cpu` has")


def test_a_suite_that_was_given_no_nonce_is_not_believed() -> None:
    told = replace(ended(DEVICE, entries(DEVICE)), challenge=None)
    assert (
        judge_suite(DEVICE, told).reason
        == "the report was not made by the suites: nobody gave `device` a nonce"
    )


def _figures(calls: list[Entry], name: str) -> list[Any]:
    return list(_call(calls, name)["user_properties"])


RATE = ["images_per_s", [0.5, "images/s"]]
TRAINING = "training[resnet50-fp32]"
WRONG_FIGURES: dict[str, tuple[Callable[[list[Any]], list[Any]], str]] = {
    "missing": (
        lambda figures: [one for one in figures if one != RATE],
        "without its figure `images_per_s`",
    ),
    "all missing": (
        lambda _: [],
        "without its figure `batch`, `images_per_s`, `peak_memory` and 3 more",
    ),
    "unknown": (
        lambda figures: [*figures, ["speed", [1.0, "m/s"]]],
        "reports `speed`, expected no figure of that name",
    ),
    "twice": (lambda figures: [*figures, RATE], "reports `images_per_s` twice"),
    "another unit": (
        lambda figures: [*figures[1:], ["batch", [4, "MB"]]],
        "in `MB`, expected `images`",
    ),
    "zero": (
        lambda figures: (
            [one for one in figures if one != RATE] + [["images_per_s", [0, "images/s"]]]
        ),
        "as 0 im",
    ),
    "negative": (
        lambda figures: [one for one in figures if one[0] != "spread"] + [["spread", [-1, "%"]]],
        "as -1 %",
    ),
}


@pytest.mark.parametrize("case", WRONG_FIGURES)
def test_wrong_figures(case: str) -> None:
    change, says = WRONG_FIGURES[case]
    calls = entries(THROUGHPUT)
    _call(calls, TRAINING)["user_properties"] = change(_figures(calls, TRAINING))
    result = _judged(THROUGHPUT, calls)
    assert (result.verdict, result.cause) == (Verdict.FAIL, "the report was not made by the suites")
    assert says in _reason(result, TRAINING), result


def test_figures_of_a_check_that_failed_are_not_held_against_the_list() -> None:
    calls = entries(THROUGHPUT)
    _call(calls, TRAINING).update(outcome="failed", longrepr="slow", user_properties=[])
    assert _judged(THROUGHPUT, calls).reason == f"{TRAINING}: slow"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda calls: calls[:-2] + calls[-1:], "without a result of memory_of_every_gpu"),
        (
            lambda calls: [*calls, {**calls[0], "nodeid": f"{DEVICE.module_file}::test_more"}],
            "a result of the unknown `more`",
        ),
        (
            lambda calls: [
                *calls,
                {**calls[5], "nodeid": f"{DEVICE.module_file}::test_kernels_on_the_cpu[int4]"},
            ],
            "a result of the unknown `kernels_on_the_cpu[int4]`",
        ),
        (
            lambda calls: [call for call in calls if not call["nodeid"].endswith("[fp16]")],
            "it has no result of `kernels_on_every_gpu[fp16]`, `kernels_on_the_cpu[fp16]`",
        ),
        (
            lambda calls: [
                *calls,
                {**calls[0], "nodeid": f"other.py::{calls[0]['nodeid'].rpartition('::')[2]}"},
            ],
            "two",
        ),
    ],
)
def test_a_report_has_every_check_once_and_no_other(
    change: Callable[[Any], Any], says: str
) -> None:
    result = _judged(DEVICE, change(entries(DEVICE)))
    assert result.verdict is Verdict.FAIL
    assert says in result.reason


def test_a_gpu_check_cannot_pass_without_a_gpu() -> None:
    result = _judged(DEVICE, entries(DEVICE, gpus=1, nonce=NONCE), gpus=0)
    assert result.verdict is Verdict.FAIL
    assert (
        _reason(result, "every_gpu_is_detected")
        == "passed in a run with 0 GPUs, expected not run: it needs 1"
    )


def test_a_check_of_two_gpus_cannot_pass_on_one() -> None:
    ddp = suite_named("ddp")
    calls = entries(ddp, gpus=1)
    two = next(
        call
        for call in entries(ddp, gpus=2)
        if call["nodeid"].endswith("test_integer_gradients[nccl]")
    )
    calls = [two if call["nodeid"] == two["nodeid"] else call for call in calls]
    reason = _reason(_judged(ddp, calls, gpus=1), "integer_gradients[nccl]")
    assert reason == "passed in a run with 1 GPU, expected not run: it needs 2"


@pytest.mark.parametrize(
    ("gpus", "name"), [(0, "kernels_on_the_cpu[fp32]"), (0, CHALLENGE), (1, "memory_of_every_gpu")]
)
def test_what_could_run_was_run(gpus: int, name: str) -> None:
    calls = entries(DEVICE, gpus)
    _call(calls, name).update(
        outcome="skipped", ending=asdict(CheckEnding(NOT_RUN, NO_GPU)), user_properties=[]
    )
    result = _judged(DEVICE, calls, gpus)
    assert result.verdict is Verdict.FAIL
    assert _reason(result, name).startswith(f"was not run ({NO_GPU}), expected a result")


@pytest.mark.parametrize(("gpus", "verdict"), [(0, Verdict.NOT_RUN), (1, Verdict.FAIL)])
def test_a_listed_reason_is_for_its_device(gpus: int, verdict: Verdict) -> None:
    """A CPU may lack bfloat16; on a GPU the same words are no reason."""
    calls = entries(THROUGHPUT, gpus)
    said = "this CPU has no bfloat16 instructions, so AMP would measure their emulation"
    _call(calls, "training[resnet50-amp]").update(
        outcome="skipped", ending=asdict(CheckEnding(NOT_RUN, said)), user_properties=[]
    )
    assert _judged(THROUGHPUT, calls, gpus).verdict is verdict


def test_checks_take_no_longer_than_their_container() -> None:
    calls = entries(DEVICE)
    assert _judged(DEVICE, calls, seconds=0.5).verdict is not Verdict.FAIL
    for call in calls:
        call["duration"] = 4.0
    assert _judged(DEVICE, calls, seconds=1000).verdict is not Verdict.FAIL
    result = _judged(DEVICE, calls, seconds=100)
    assert result.reason.startswith(
        "the report was not made by the suites: its checks took 204.0 s, expected at most"
    )


def test_one_check_takes_no_longer_than_its_container() -> None:
    calls = entries(DEVICE)
    calls[0]["duration"] = 20.0
    result = _judged(DEVICE, calls, seconds=30)
    assert "`torch_is_a_cuda_build` took 60.0 s, expected 0 to 30.0 s" in result.reason


@BY_NAME
@pytest.mark.parametrize("gpus", [0, 2])
def test_answers_follow_from_the_nonce(suite: Suite, gpus: int) -> None:
    first, again, other = (
        compute_answers(suite.name, nonce, planned(gpus)) for nonce in (NONCE, NONCE, "6" * 64)
    )
    assert first == again
    assert set(first) == set(other)
    assert any(answer.values != other[part].values for part, answer in first.items())
    assert all(0 < len(answer.values) <= VALUES for answer in first.values())


def test_every_run_has_a_nonce_of_its_own() -> None:
    nonces = {proof.make_challenge(planned(0)).nonce for _ in range(100)}
    assert len(nonces) == 100
    assert {len(nonce) for nonce in nonces} == {64}
