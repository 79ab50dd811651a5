"""A pass on GPUs needs the driver's word: processes of the container, or memory and load where it
names none.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from runner.verdict import Verdict
from tests.fakes.nvml import GIB, FakeGpu, FakeNvml
from tests.validation.honest import ended, entries, suite_named
from validation import control_groups, gpu_work, nvml
from validation.judge import judge_suite
from validation.nvml import NOT_TOLD, GpuActivity, GpuAtRest, Sampler
from validation.record import Figure, SuiteResult
from validation.suite import EVERY_SUITE

CONTAINER = "3f" * 32
MINE = f"0::/system.slice/docker-{CONTAINER}.scope\n"
MINE_V1 = f"12:devices:/docker/{CONTAINER}\n0::/docker/{CONTAINER}\n"
ANOTHER = f"0::/system.slice/docker-{'4e' * 32}.scope\n"
REST = GIB // 2
GPUS = tuple(GpuAtRest(index, "", "NVIDIA H200", (9, 0), 141 * GIB, REST) for index in range(2))
DEVICE, THROUGHPUT = suite_named("device"), suite_named("throughput")

WORKED = {
    "a process of the container": GpuActivity({MINE}),
    "version 1 of control groups": GpuActivity({MINE_V1}),
    "beside one of another": GpuActivity({ANOTHER, MINE}, REST, 0),
    "no processes, and memory": GpuActivity(set(), REST + 300_000_000, NOT_TOLD),
    "no processes, and load": GpuActivity(set(), NOT_TOLD, 40),
    "a process of another namespace, and memory": GpuActivity({""}, 2 * GIB, 0),
    "a driver that tells nothing": GpuActivity(set(), NOT_TOLD, NOT_TOLD),
}
IDLE = {
    "nothing": GpuActivity(set(), REST, 0),
    "hardly any memory": GpuActivity(set(), REST + 1_000_000, 0),
    "a process of another container": GpuActivity({ANOTHER}, 40 * GIB, 99),
    "a process that cannot be told, and nothing else": GpuActivity({""}, REST, 0),
}


def _passed(name: str, gpus: int = 2) -> SuiteResult:
    suite = suite_named(name)
    result = judge_suite(suite, ended(suite, entries(suite, gpus), gpus))
    assert result.verdict is Verdict.PASS
    return result


def _held(name: str, *work: GpuActivity, gpus: Iterable[GpuAtRest] = GPUS) -> SuiteResult:
    return gpu_work.check_gpu_work(
        _passed(name), suite_named(name), CONTAINER, gpus, dict(enumerate(work))
    )


@pytest.mark.parametrize("case", WORKED)
def test_work_that_was_seen(case: str) -> None:
    assert _held("device", WORKED[case], WORKED[case]).verdict is Verdict.PASS


@pytest.mark.parametrize("case", IDLE)
def test_a_gpu_on_which_nothing_was_seen(case: str) -> None:
    result = _held("device", GpuActivity({MINE}), IDLE[case])
    assert (result.verdict, result.reason) == (
        Verdict.FAIL,
        "the GPU checks passed, but the driver saw no work on GPU 1",
    )
    assert result.cause == gpu_work.CAUSE


def test_a_gpu_that_was_never_read() -> None:
    """The driver tells nothing of it: the sampler names that problem itself, and nothing is
    concluded from it here.
    """
    assert _held("device", GpuActivity({MINE})).verdict is Verdict.PASS


@pytest.mark.parametrize("name", ["ddp", "workloads", "throughput"])
def test_one_gpu_suffices_for_a_suite_that_may_use_one(name: str) -> None:
    assert _held(name, GpuActivity({MINE}), IDLE["nothing"]).verdict is Verdict.PASS
    assert _held(name, IDLE["nothing"], IDLE["nothing"]).reason.endswith("saw no work on GPU 0, 1")


@pytest.mark.parametrize("name", ["environment", "cv", "libraries"])
def test_other_suites_are_not_asked(name: str) -> None:
    assert _held(name, IDLE["nothing"], IDLE["nothing"]).verdict is Verdict.PASS


def test_which_suites_are_asked() -> None:
    assert {suite.name: suite.works_on for suite in EVERY_SUITE if suite.works_on} == {
        "device": "every",
        "ddp": "one",
        "multinode": "one",
        "workloads": "one",
        "throughput": "one",
    }
    assert all(suite.alone for suite in EVERY_SUITE if suite.works_on)


def test_without_gpus_nothing_is_asked() -> None:
    result = judge_suite(DEVICE, ended(DEVICE, entries(DEVICE)))
    assert gpu_work.check_gpu_work(result, DEVICE, CONTAINER, (), {}) is result


def test_what_failed_keeps_its_reason() -> None:
    failed = replace(_passed("device"), verdict=Verdict.FAIL, reason="why")
    assert gpu_work.check_gpu_work(failed, DEVICE, CONTAINER, GPUS, {0: IDLE["nothing"]}) is failed


def test_a_container_whose_processes_cannot_be_told() -> None:
    """Nor those of a suite in a machine's own Python: memory and load tell, not any process."""
    for activity, verdict in (
        (GpuActivity({"0::/user.slice\n"}), Verdict.PASS),
        (GpuActivity({"0::/user.slice\n"}, REST + 300_000_000, 0), Verdict.PASS),
        (GpuActivity({ANOTHER}, REST, 0), Verdict.FAIL),
    ):
        work = {0: activity, 1: activity}
        held = gpu_work.check_gpu_work(_passed("device"), DEVICE, "", GPUS, work)
        assert held.verdict is verdict, activity


@pytest.mark.parametrize(
    ("name", "check", "figure", "says"),
    [
        (
            "device",
            "memory_of_every_gpu",
            Figure("memory cuda:0", 200e9, "bytes"),
            "reports 200.00 GB of memory, expected",
        ),
        (
            "throughput",
            "training[resnet50-fp32]",
            Figure("peak_memory", 900_000, "MB"),
            "at most the 151.40 GB of the GPU",
        ),
        (
            "throughput",
            "training[resnet50-fp32]",
            Figure("peak_memory", 90_000, "MB"),
            "than the 21.47 GB that the driver saw",
        ),
    ],
)
def test_memory_that_contradicts_the_driver(
    name: str, check: str, figure: Figure, says: str
) -> None:
    result = _passed(name)
    checks = tuple(
        replace(one, figures=(figure,)) if one.name == check else one for one in result.checks
    )
    work = {index: GpuActivity({MINE}, 20 * GIB, 50) for index in range(2)}
    held = gpu_work.check_gpu_work(
        replace(result, checks=checks), suite_named(name), CONTAINER, GPUS, work
    )
    assert held.verdict is Verdict.FAIL
    assert says in held.reason


def _watched(sampler: Sampler, seconds: float = 0.3) -> None:
    with sampler:
        time.sleep(seconds)


def test_the_sampler_sees_processes_memory_and_load(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = FakeNvml(FakeGpu(processes=2, memory_used_bytes=3 * GIB, utilisation=7), FakeGpu())
    fake.install(monkeypatch)
    monkeypatch.setattr(control_groups, "PROC", tmp_path)
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "cgroup").write_text(MINE)  # process 1 has ended, or is of another namespace
    sampler = Sampler(GPUS, interval_s=0.05)
    _watched(sampler)
    assert sampler.work == {0: GpuActivity({MINE, ""}, 3 * GIB, 7), 1: GpuActivity(set(), REST, 0)}
    assert (sampler.lost_gpu, fake.sessions) == ("", 0)


def test_it_looks_more_often_than_it_keeps_readings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A process that is there for less than a second is seen, and the record has a reading each
    second.
    """
    gpu = FakeGpu()
    FakeNvml(gpu).install(monkeypatch)
    monkeypatch.setattr(control_groups, "PROC", tmp_path)
    monkeypatch.setattr(nvml, "_LOOK_S", 0.02)
    sampler = Sampler(GPUS[:1], interval_s=60)
    with sampler:
        time.sleep(0.1)
        gpu.processes, gpu.utilisation = 1, 50
        time.sleep(0.1)
        gpu.processes, gpu.utilisation = 0, 0
        time.sleep(0.1)
    assert len(sampler.all_samples) == 1
    assert sampler.work[0] == GpuActivity({""}, REST, 50)


def test_a_driver_that_names_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(FakeGpu(refuses=("nvmlDeviceGetComputeRunningProcesses",), mig=True)).install(
        monkeypatch
    )
    sampler = Sampler(GPUS[:1], interval_s=0.05)
    _watched(sampler)
    assert sampler.work[0] == GpuActivity(set(), REST, 0)
