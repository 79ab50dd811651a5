"""Levels of proof come from checks that ran and passed, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runner import records
from runner.home import REPOSITORY
from runner.verdict import Verdict, worst_verdict
from tests.publish.stage_records import built, ddp_checks, validated
from validation import levels
from validation.check_list import load_checks
from validation.families import find_family
from validation.levels import (
    LEVELS,
    MEANINGS,
    MULTI_GPU,
    MULTI_NODE,
    UNTESTED,
    count_needed_gpus,
    describe_proof,
    describe_record,
    find_proven_levels,
    lacks_gpu,
    lacks_only_gpus,
    list_levels_of,
)
from validation.machine import DOCKER
from validation.record import Check, SuiteResult, ValidationRecord
from validation.suite import EVERY_SUITE, MULTINODE
from validation.suites.contract.words import CHALLENGE, ONE_GPU_GLOO, ONE_GPU_NCCL

NOT_RUN = Verdict.NOT_RUN
H200_RECORD = REPOSITORY / "docs" / "gpu" / "2026-11-27-nvidia-h200" / "validation.json"


def recorded(path: Path = H200_RECORD) -> ValidationRecord:
    """The record of a real run on one H200."""
    record = records.read_record(ValidationRecord, path)
    assert record is not None
    return record


def judge_by_checks_of(record: ValidationRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge a run by the checks of its day: `ddp` has more of them now."""
    then = {check.name for suite in record.suites for check in suite.checks}
    monkeypatch.setattr(
        levels,
        "load_checks",
        lambda suite: {name: each for name, each in load_checks(suite).items() if name in then},
    )


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


def test_a_real_run_on_one_gpu_proves_what_one_gpu_can(monkeypatch: pytest.MonkeyPatch) -> None:
    record = recorded()
    judge_by_checks_of(record, monkeypatch)
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


def between_nodes(gpus: int, **changed: Verdict) -> ValidationRecord:
    """A record of `ddp` and of the suite of two nodes."""
    record = made(gpus)
    checks = tuple(
        Check(name, changed.get(name.partition("[")[0], Verdict.PASS), "", 1.0, ())
        for name in load_checks(MULTINODE)
    )
    verdict = worst_verdict(each.verdict for each in checks)
    suite = SuiteResult(MULTINODE.name, verdict, "", 1.0, checks, "")
    return replace(record, suites=(*record.suites, suite))


def test_two_nodes_prove_their_level_beside_those_of_each() -> None:
    record = between_nodes(1)
    assert find_proven_levels(record) == (ONE_GPU_GLOO, ONE_GPU_NCCL, MULTI_NODE)
    assert describe_record(
        replace(record, environment=replace(record.environment, executor=DOCKER))
    ).startswith("gradient sync proven with NCCL between machines on NVIDIA L4; transport between")
    none = replace(record, environment=replace(record.environment, gpus=(), device="cpu"))
    assert find_proven_levels(none) == ()


@pytest.mark.parametrize("check", [name.partition("[")[0] for name in load_checks(MULTINODE)])
@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INFRA, NOT_RUN])
def test_each_check_of_two_nodes_is_needed(check: str, verdict: Verdict) -> None:
    record = between_nodes(1, **{check: verdict})
    assert find_proven_levels(record) == (ONE_GPU_GLOO, ONE_GPU_NCCL)
    lost = replace(between_nodes(1).suites[1], checks=between_nodes(1).suites[1].checks[1:])
    cut = replace(record, suites=(record.suites[0], lost))
    assert MULTI_NODE not in find_proven_levels(cut)


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


def suite_on_cpu(name: str, **changed: Verdict) -> SuiteResult:
    """A suite as a run without a GPU leaves it: what needs a GPU was not run, all else passed."""
    checks = load_checks(next(each for each in EVERY_SUITE if each.name == name))
    results = tuple(
        Check(each, changed.get(each, NOT_RUN if listed.gpus else Verdict.PASS), "", 1.0, ())
        for each, listed in checks.items()
    )
    return SuiteResult(name, worst_verdict(each.verdict for each in results), "", 1.0, results, "")


@pytest.mark.parametrize("name", ["device", "ddp", "dataloader", "throughput", "multinode"])
def test_a_suite_that_lacks_only_a_gpu_says_so_as_data(name: str) -> None:
    suite = suite_on_cpu(name)
    assert lacks_gpu(suite, 0)
    assert not lacks_gpu(suite, 1), "with a GPU there is another reason"
    for verdict in (Verdict.FAIL, Verdict.INFRA, Verdict.FLAKY, Verdict.INCONCLUSIVE):
        failed = suite_on_cpu(name, **{suite.checks[0].name: verdict})
        assert not lacks_gpu(failed, 0)
        assert not lacks_gpu(replace(failed, verdict=NOT_RUN), 0)
    assert not lacks_gpu(replace(suite, checks=()), 0), "it was not started"
    unknown = Check("another", NOT_RUN, "", 1.0, ())
    assert not lacks_gpu(replace(suite, checks=(*suite.checks, unknown)), 0)


def test_a_check_that_needs_no_gpu_was_not_run_for_another_reason() -> None:
    suite = suite_on_cpu("ddp", gloo_gradients=NOT_RUN)
    assert not lacks_gpu(suite, 0)
    assert lacks_gpu(suite_on_cpu("throughput", **{"training[resnet50-amp]": NOT_RUN}), 0)


def test_what_the_host_adds_is_not_run_only_without_a_gpu() -> None:
    added = SuiteResult("floor", NOT_RUN, "because", 0.0, (), "")
    assert lacks_gpu(added, 0)
    assert not lacks_gpu(replace(added, verdict=Verdict.INCONCLUSIVE), 0)
