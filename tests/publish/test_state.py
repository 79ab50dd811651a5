"""How far a release is: only `pass` on everything is a pass; what was not proven never is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from publish.state import ReleaseState, StageRecords, judge_image, judge_release
from runner.verdict import Verdict
from tests.publish.stage_records import built, ddp_checks, known, scanned, validated
from validation.record import SuiteResult

PASS, FAIL, INFRA = Verdict.PASS, Verdict.FAIL, Verdict.INFRA
UNSURE, NOT_RUN = Verdict.INCONCLUSIVE, Verdict.NOT_RUN


def test_pass_on_everything_is_a_pass() -> None:
    assert judge_release([known("base"), known("cv")]) == ReleaseState(PASS, "")


@pytest.mark.parametrize("verdict", [UNSURE, NOT_RUN])
@pytest.mark.parametrize("stage", ["validation", "scan"])
def test_what_was_not_proven_leaves_it_inconclusive(verdict: Verdict, stage: str) -> None:
    assert judge_release([known("base"), known("cv", **{stage: verdict})]) == ReleaseState(
        UNSURE, "cv: because"
    )


@pytest.mark.parametrize("verdict", [FAIL, INFRA])
@pytest.mark.parametrize("stage", ["validation", "scan"])
def test_one_failed_or_disturbed_image_decides(verdict: Verdict, stage: str) -> None:
    assert judge_release([known("base"), known("cv", **{stage: verdict})]) == ReleaseState(
        verdict, "cv: because"
    )


def test_the_worst_image_gives_the_reason() -> None:
    images = [
        known("base", scan=UNSURE, reason="unsure"),
        known("cv", validation=FAIL, reason="broken"),
    ]
    assert judge_release(images) == ReleaseState(FAIL, "cv: broken")


def on_gpus(gpus: int) -> StageRecords:
    """An image of which only checks that need more GPUs were not run."""
    one = known(validation=UNSURE)
    assert one.validation is not None
    ddp = SuiteResult("ddp", NOT_RUN, "1 GPU", 1.0, ddp_checks(gpus), "")
    where = replace(one.validation.environment, gpus=("NVIDIA L4",) * gpus, device="cuda")
    return replace(one, validation=replace(one.validation, suites=(ddp,), environment=where))


def test_a_release_that_the_gate_took_is_one_also_on_one_gpu() -> None:
    assert judge_release([on_gpus(1)], is_released=True) == ReleaseState(PASS, "")
    assert judge_release([on_gpus(1)]).verdict is UNSURE
    assert judge_release([on_gpus(0)], is_released=True).verdict is UNSURE
    assert judge_release([known(validation=UNSURE)], is_released=True).verdict is UNSURE
    assert judge_release([replace(on_gpus(1), scan=None)], is_released=True).verdict is UNSURE


def test_nothing_to_judge_is_no_pass() -> None:
    assert judge_release([]).verdict is UNSURE


@pytest.mark.parametrize("missing", ["validation", "scan"])
def test_a_missing_record_is_not_run(missing: str) -> None:
    without = (
        replace(known(), validation=None)
        if missing == "validation"
        else replace(known(), scan=None)
    )
    assert judge_image(without) == ReleaseState(NOT_RUN, f"base: no {missing} record")


def test_a_record_about_other_bytes_counts_as_none() -> None:
    build, other = built("base"), built("base", "sha256:" + "b" * 64)
    about_other = replace(known(), build=build, validation=validated(other), scan=scanned(build))
    state = judge_image(about_other)
    assert state.verdict is NOT_RUN
    assert other.digest in state.reason
    assert judge_release([about_other]).verdict is UNSURE
