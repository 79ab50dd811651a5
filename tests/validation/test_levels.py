"""Levels of proof come from checks that ran and passed, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runner import records
from runner.home import REPOSITORY
from runner.verdict import Verdict
from tests.publish.stage_records import built, ddp_checks, validated
from validation.families import find_family
from validation.levels import (
    LEVELS,
    MEANINGS,
    MULTI_GPU,
    UNTESTED,
    count_needed_gpus,
    describe_proof,
    describe_record,
    find_proven_levels,
    lacks_only_gpus,
    list_levels_of,
)
from validation.machine import DOCKER
from validation.record import SuiteResult, ValidationRecord
from validation.suites.contract.words import CHALLENGE, ONE_GPU_GLOO, ONE_GPU_NCCL

H200_RECORD = REPOSITORY / "docs" / "gpu" / "2026-11-27-nvidia-h200" / "validation.json"


def recorded(path: Path = H200_RECORD) -> ValidationRecord:
    """The record of a real run on one H200."""
    record = records.read_record(ValidationRecord, path)
    assert record is not None
    return record


def made(gpus: int, **changed: Verdict) -> ValidationRecord:
    """A record of `ddp` on so many GPUs, with some verdicts changed; `_` for all else."""
    checks = tuple(
        replace(each, verdict=changed.get(each.name.replace("[", "_").rstrip("]"), each.verdict))
        for each in ddp_checks(gpus)
    )
    verdicts = {each.verdict for each in checks}
    verdict = Verdict.NOT_RUN if Verdict.NOT_RUN in verdicts else Verdict.PASS
    record = validated(built("base"), Verdict.INCONCLUSIVE)
    where = replace(record.environment, gpus=("NVIDIA L4",) * gpus, device="cuda")
    return replace(
        record,
        suites=(SuiteResult("ddp", verdict, "", 1.0, checks, ""),),
        environment=where,
    )


def test_a_real_run_on_one_gpu_proves_what_one_gpu_can() -> None:
    record = recorded()
    assert find_proven_levels(record) == (ONE_GPU_GLOO, ONE_GPU_NCCL)
    assert describe_record(record) == "", "it ran in no image"
    where = replace(record.environment, executor=DOCKER)
    assert describe_record(replace(record, environment=where)) == (
        "gradient sync proven with NCCL on one NVIDIA H200 over sockets; transport between GPUs: "
        "not tested; transport between machines: not tested"
    )
    needs = {each.suite: count_needed_gpus(each, 1) for each in record.suites}
    assert {name for name, count in needs.items() if count} == {"ddp"}
    assert not lacks_only_gpus(record), "device and compute failed in that run"


@pytest.mark.parametrize(("gpus", "levels"), [(1, LEVELS[:2]), (2, LEVELS[:3]), (8, LEVELS[:3])])
def test_levels_of_machines(gpus: int, levels: tuple[str, ...]) -> None:
    assert find_proven_levels(made(gpus)) == list_levels_of(gpus) == levels
    assert lacks_only_gpus(made(gpus)) == (gpus == 1)


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.PASS])
@pytest.mark.parametrize("check", [each.name for each in ddp_checks()])
def test_each_check_of_a_level_is_needed(check: str, verdict: Verdict) -> None:
    """A check that is missing, was not run or failed takes its level away, and only its own."""
    record = made(8)
    ddp = record.suites[0]
    bad = tuple(
        replace(each, verdict=verdict) if each.name == check else each for each in ddp.checks
    )
    lost = tuple(each for each in ddp.checks if each.name != check)
    for checks in (bad, lost):
        changed = replace(record, suites=(replace(ddp, checks=checks),))
        proven = find_proven_levels(changed)
        if check == CHALLENGE:
            assert proven == ()
        elif ONE_GPU_GLOO in check:
            assert proven == (ONE_GPU_NCCL, MULTI_GPU)
        elif ONE_GPU_NCCL in check or check == "one_gpu_transport":
            assert proven == (ONE_GPU_GLOO, MULTI_GPU)
        elif "nccl" in check and check != "nccl_single_rank":
            assert proven == (ONE_GPU_GLOO, ONE_GPU_NCCL)


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.FLAKY, Verdict.INFRA])
def test_a_suite_that_failed_proves_no_level(verdict: Verdict) -> None:
    record = made(2)
    broken = replace(record, suites=(replace(record.suites[0], verdict=verdict),))
    assert find_proven_levels(broken) == ()


def test_without_a_gpu_nothing_is_proven_or_excused() -> None:
    record = made(1)
    none = replace(record, environment=replace(record.environment, gpus=(), device="cpu"))
    assert find_proven_levels(none) == ()
    assert not lacks_only_gpus(none)
    assert find_proven_levels(replace(record, suites=())) == ()


def test_only_checks_that_need_more_gpus_are_left_to_other_machines() -> None:
    suite = made(1).suites[0]
    assert count_needed_gpus(suite, 1) == 2
    for name in ("gloo_gradients", "integer_gradients[one-gpu-gloo]"):
        other = tuple(
            replace(each, verdict=Verdict.NOT_RUN) if each.name == name else each
            for each in suite.checks
        )
        assert count_needed_gpus(replace(suite, checks=other), 1) == 0
    unknown = replace(suite.checks[0], name="new_check", verdict=Verdict.NOT_RUN)
    assert count_needed_gpus(replace(suite, checks=(*suite.checks, unknown)), 1) == 0
    assert count_needed_gpus(replace(suite, verdict=Verdict.FAIL), 1) == 0
    assert count_needed_gpus(replace(suite, checks=()), 1) == 0
    assert count_needed_gpus(replace(suite, suite="device"), 1) == 0


def test_every_level_has_words() -> None:
    assert set(MEANINGS) == set(UNTESTED) == set(LEVELS)
    assert describe_proof({}) == "gradient sync on a GPU: not tested"
    every: dict[str, str] = dict.fromkeys(LEVELS, "2 x NVIDIA H100")
    assert describe_proof(every) == (
        "gradient sync proven with NCCL between machines on 2 x NVIDIA H100"
    )


@pytest.mark.parametrize(
    ("capability", "family"),
    [
        ((7, 0), "Volta"),
        ((7, 5), "Turing"),
        ((8, 0), "Ampere"),
        ((8, 6), "Ampere"),
        ((8, 9), "Ada"),
        ((9, 0), "Hopper"),
        ((10, 0), "Blackwell"),
        ((12, 0), "Blackwell"),
        ((6, 1), ""),
        ((99, 0), ""),
    ],
)
def test_families(capability: tuple[int, int], family: str) -> None:
    assert find_family(capability) == family
