"""The stage as a whole: which suites, in what order, what stands in the way, and what the record
says.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from runner import records
from runner.errors import EnvironmentFailed, ReleaseError
from runner.freshness import STANDS_DAYS
from runner.pull import ImageCannotBeUnpacked
from runner.verdict import Verdict
from tests.validation.suites_here import asserted
from validation import check_list, floor, run
from validation.executors import EXECUTORS, Setup
from validation.judge import SuiteExecution
from validation.machine import DOCKER, Gpus, Machine
from validation.nvml import GpuActivity, GpuAtRest, Inventory
from validation.record import Check, Environment, Figure, GpuSample, SuiteResult, ValidationRecord
from validation.suite import Suite

SUBJECT = run.ValidationTarget(
    version="v2.6.1",
    image="cv",
    stacks=("base", "cv"),
    digest=f"sha256:{'1' * 64}",
    reference=f"localhost:5000/staging@sha256:{'1' * 64}",
    expected=asserted("cv"),
    driver_floor="525",
)
SUITES = [
    "device",
    "libraries",
    "environment",
    "guest",
    "start",
    "state",
    "dataloader",
    "ddp",
    "compute",
    "cost",
    "references",
    "recorded",
    "workloads",
    "throughput",
    "cv",
]
GPU = GpuAtRest(0, "GPU-1", "NVIDIA H200", (9, 0), 141 << 30)
TWO_GPUS = Gpus(
    (GPU.name,) * 2, "550.54.15", inventory=Inventory((GPU, replace(GPU, index=1)), "550.54.15")
)
READING = GpuSample(0.0, 0, 1755, 2619, 640.2, 61, 99, 40_000, ())


@dataclass
class Stage:
    """A machine without engine and GPU: every suite passes, but for what a test says."""

    gpus: Gpus = field(default_factory=Gpus)
    preflight: Verdict = Verdict.PASS
    verdicts: dict[str, list[Verdict]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    work: GpuActivity = field(
        default_factory=lambda: GpuActivity(memory_used_bytes=40 << 30, utilisation_percent=99)
    )
    ran: list[tuple[str, Setup]] = field(default_factory=list)
    prepared: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    PROVES_IMAGE: bool = True
    name: str = DOCKER

    def remove_leftovers(self) -> None:
        self.done.append("leftovers")

    def prepare_run(self, setup: Setup) -> None:
        self.prepared.append(setup.reference)

    def check_host(self, *_: object) -> SuiteResult:
        self.done.append("preflight")
        return _preflight(self.preflight)

    def run_suite(self, suite: Suite, setup: Setup) -> SuiteExecution:
        self.ran.append((suite.name, setup))
        return SuiteExecution(exit_code=0, seconds=1.0)

    def gpu_problem(self) -> str:
        return ""

    def describe_machine(self) -> Machine:
        return Machine(self.name, 1, 1, "", "")

    def judge(self, suite: Suite, _: SuiteExecution) -> SuiteResult:
        left = self.verdicts.get(suite.name, [])
        verdict = left.pop(0) if left else Verdict.PASS
        figures = (Figure("images_per_s", 100.0, "images/s"), Figure("batch", 128, "images"))
        checks = (
            (Check("training[resnet50-fp32]", verdict, "", 1.0, figures),)
            if suite is run.THROUGHPUT
            else ()
        )
        reason = "" if verdict is Verdict.PASS else "why"
        held = check_list.hash_list(suite)
        return SuiteResult(suite.name, verdict, reason, 1.0, checks, "", list_digest=held)


class FakeSampler:
    """Two words at most: what was read, and which GPU was lost."""

    stage: Stage

    def __init__(self, gpus: tuple[GpuAtRest, ...]) -> None:
        self.all_samples = (READING,) if gpus else ()
        self.work = {gpu.index: self.stage.work for gpu in gpus}
        self.lost_gpu = self.stage.lost.pop(0) if self.stage.lost else ""

    def __enter__(self) -> FakeSampler:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    stage = Stage()
    monkeypatch.setattr(FakeSampler, "stage", stage, raising=False)
    monkeypatch.setattr("validation.run.Sampler", FakeSampler)
    for name in EXECUTORS:
        place = replace(stage, name=name, PROVES_IMAGE=name == DOCKER)  # shares its lists
        monkeypatch.setitem(EXECUTORS, name, place)
    monkeypatch.setattr("validation.harness.install_harness", lambda: Path("/harness"))
    monkeypatch.setattr("validation.run.describe_environment", _environment)
    monkeypatch.setattr("validation.run.choose_gpus", lambda *_: stage.gpus)
    monkeypatch.setattr("validation.run.check_host", stage.check_host)
    for module in ("run", "regression"):
        monkeypatch.setattr(f"validation.{module}.judge_suite", stage.judge)
    yield stage


def _environment(gpus: Gpus, shm_bytes: int, runs_on: Machine) -> Environment:
    device = "cuda" if gpus.names else "cpu"
    return Environment(
        runs_on.executor, device, gpus.names, gpus.driver, "", 2, 0, shm_bytes, "", ""
    )


def _preflight(verdict: Verdict) -> SuiteResult:
    return SuiteResult(
        "preflight", verdict, "" if verdict is Verdict.PASS else "an old driver", 0.1, (), ""
    )


def _verdicts(record: ValidationRecord) -> dict[str, Verdict]:
    return {result.suite: result.verdict for result in record.suites}


def test_order_and_record(stage: Stage, tmp_path: Path) -> None:
    record = run.validate_image(SUBJECT, "cpu")
    assert [name for name, _ in stage.ran] == SUITES
    assert [result.suite for result in record.suites] == ["preflight", *SUITES, "floor"]
    assert stage.prepared == [SUBJECT.reference]
    assert {setup.reference for _, setup in stage.ran} == {SUBJECT.reference}
    assert record.command == "./release.py validate v2.6.1 --images cv --device cpu"
    records.write_record(tmp_path / "validation.json", record)
    assert records.read_record(ValidationRecord, tmp_path / "validation.json") == record


def test_a_cpu_is_at_best_inconclusive(stage: Stage) -> None:
    record = run.validate_image(SUBJECT, "cpu")
    assert (record.verdict, _verdicts(record)["floor"]) == (Verdict.INCONCLUSIVE, Verdict.NOT_RUN)
    assert record.reason == (
        "floor: the lowest throughput (floor) exists only for GPUs, and there was no GPU"
    )
    assert all(result.samples == () for result in record.suites)


def test_gpus_found_are_planned_and_watched(stage: Stage) -> None:
    stage.gpus = TWO_GPUS
    record = run.validate_image(SUBJECT, "auto")
    assert {(setup.expected.device, setup.expected.gpu_count) for _, setup in stage.ran} == {
        ("cuda", 2)
    }
    assert all(result.samples == (READING,) for result in record.suites if result.suite in SUITES)
    assert record.environment.driver == "550.54.15"
    assert record.command.endswith("--device cuda")


def test_gpus_are_leased_and_freed_of_killed_runs_before_they_are_judged(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the container of a killed run would make the GPU busy, and nobody would remove it."""

    @contextlib.contextmanager
    def lease(gpus: tuple[GpuAtRest, ...]) -> Iterator[None]:
        stage.done.append(f"lease {len(gpus)}")
        yield
        stage.done.append(f"end after {len(stage.ran)} suites")

    monkeypatch.setattr("validation.run.lease_gpus", lease)
    stage.gpus = TWO_GPUS
    run.validate_image(SUBJECT, "cuda")
    run_alone = ["lease 2", "leftovers", "preflight", f"end after {len(SUITES)} suites"]
    assert stage.done == run_alone


def test_a_pass_on_gpus_that_the_driver_did_not_see_is_a_failure(stage: Stage) -> None:
    stage.gpus, stage.work = TWO_GPUS, GpuActivity(memory_used_bytes=0, utilisation_percent=0)
    record = run.validate_image(SUBJECT, "cuda")
    found = next(result for result in record.suites if result.suite == "throughput")
    assert (found.verdict, found.attempts) == (Verdict.FAIL, 2)
    assert "the GPU checks passed, but the driver saw no work on GPU 0, 1" in found.reason


def test_an_unmeasured_gpu_is_inconclusive_and_says_what_to_commit(stage: Stage) -> None:
    stage.gpus = TWO_GPUS
    record = run.validate_image(SUBJECT, "cuda")
    found = next(result for result in record.suites if result.suite == "floor")
    assert (record.verdict, found.verdict) == (Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE)
    assert "training[resnet50-fp32]" in found.last_output


def test_a_preflight_that_refuses_starts_nothing(stage: Stage) -> None:
    stage.preflight = Verdict.INFRA
    record = run.validate_image(SUBJECT, "cpu")
    assert (stage.ran, stage.prepared) == ([], [])
    assert (record.verdict, record.reason) == (Verdict.INFRA, "preflight: an old driver")
    assert _verdicts(record) == {
        "preflight": Verdict.INFRA,
        **dict.fromkeys(SUITES, Verdict.NOT_RUN),
    }


def test_a_failure_is_tried_again(stage: Stage) -> None:
    stage.verdicts = {"ddp": [Verdict.FAIL, Verdict.PASS], "cv": [Verdict.FAIL, Verdict.FAIL]}
    record = run.validate_image(SUBJECT, "cpu")
    assert (_verdicts(record)["ddp"], _verdicts(record)["cv"]) == (Verdict.FLAKY, Verdict.FAIL)
    assert [name for name, _ in stage.ran].count("ddp") == 2


def test_a_lost_gpu_is_not_the_image_s_fault(stage: Stage) -> None:
    stage.gpus = TWO_GPUS
    stage.verdicts = {"device": [Verdict.FAIL] * 9}
    stage.lost = ["GPU 0 was lost after 3 s"] * 3
    record = run.validate_image(SUBJECT, "cuda")
    assert (record.verdict, record.reason) == (Verdict.INFRA, "device: GPU 0 was lost after 3 s")


def test_without_a_previous_release_there_is_no_regression_gate(stage: Stage) -> None:
    stage.gpus = TWO_GPUS
    assert "regression" not in _verdicts(run.validate_image(SUBJECT, "cuda"))


def test_the_regression_gate_runs_both_images(stage: Stage) -> None:
    """Six pairs of equal figures: not slower."""
    stage.gpus = TWO_GPUS
    before = "localhost:5000/production@sha256:" + "2" * 64
    record = run.validate_image(replace(SUBJECT, previous=before), "cuda")
    assert _verdicts(record)["regression"] is Verdict.PASS
    assert stage.prepared == [SUBJECT.reference, before]
    assert [setup.reference for _, setup in stage.ran].count(before) == 6


def test_the_regression_gate_says_that_it_needs_a_gpu(stage: Stage) -> None:
    record = run.validate_image(
        replace(SUBJECT, previous="localhost:5000/production@sha256:" + "2" * 64), "cpu"
    )
    assert _verdicts(record)["regression"] is Verdict.NOT_RUN
    assert stage.prepared == [SUBJECT.reference]


def test_the_local_executor_names_no_image(stage: Stage) -> None:
    record = run.validate_image(
        replace(SUBJECT, digest="", reference="/usr/bin/python3"), "cpu", executor="local"
    )
    assert (record.digest, record.environment.executor) == ("", "local")
    assert {name for name, _ in stage.ran} == {*SUITES} - {
        "libraries",
        "environment",
        "guest",
        "start",
        "state",
        "recorded",
    }
    assert (_verdicts(record)["libraries"], record.verdict) == (
        Verdict.NOT_RUN,
        Verdict.INCONCLUSIVE,
    )
    assert record.command.endswith("--executor local --python /usr/bin/python3")


def test_a_record_stands_until_something_else_is_asked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record = run.validate_image(SUBJECT, "cpu")
    assert run.is_still_valid(record, SUBJECT, "cpu")
    changed: list[Callable[[run.ValidationTarget], run.ValidationTarget]] = [
        lambda subject: replace(subject, digest="sha256:0"),
        lambda subject: replace(subject, driver_floor="580"),
        lambda subject: replace(subject, previous="other"),
        lambda subject: replace(subject, expected=replace(subject.expected, cuda="12.6")),
    ]
    assert not any(run.is_still_valid(record, change(SUBJECT), "cpu") for change in changed)
    for verdict in (Verdict.FAIL, Verdict.FLAKY, Verdict.INFRA):
        assert not run.is_still_valid(replace(record, verdict=verdict), SUBJECT, "cpu")
    older = tuple(replace(result, list_digest="") for result in record.suites)
    assert not run.is_still_valid(replace(record, suites=older), SUBJECT, "cpu")
    (tmp_path / "nvidia-h200.yaml").write_text("gpu: NVIDIA H200\n")
    monkeypatch.setattr(floor, "FOLDER", tmp_path)
    assert not run.is_still_valid(record, SUBJECT, "cpu")


@pytest.mark.parametrize("days", [0, 1, STANDS_DAYS - 1, STANDS_DAYS, 30, 400])
def test_a_judgement_stands_for_some_days(stage: Stage, days: int) -> None:
    """Signed again it keeps its date, so one that a channel finds too old must not stand."""
    record = run.validate_image(SUBJECT, "cpu")
    judged = datetime.fromisoformat(record.started_at) - timedelta(days=days)
    assert run.is_still_valid(replace(record, started_at=judged.isoformat()), SUBJECT, "cpu") is (
        days < STANDS_DAYS
    )


def test_the_worst_suite_gives_the_reason() -> None:
    passed = SuiteResult("device", Verdict.PASS, "", 1.0, (), "")
    results = [
        passed,
        replace(passed, suite="ddp", verdict=Verdict.NOT_RUN, reason="no GPU"),
        replace(passed, suite="cv", verdict=Verdict.FAIL, reason="first"),
        replace(passed, suite="nlp", verdict=Verdict.FAIL, reason="second"),
    ]
    assert run.blocking_reason(results) == "cv: first"
    assert run.blocking_reason(results[:2]) == "ddp: no GPU"
    assert run.blocking_reason([passed]) == ""


@pytest.mark.parametrize(
    ("error", "verdict"),
    [(ImageCannotBeUnpacked, Verdict.FAIL), (EnvironmentFailed, Verdict.INFRA)],
)
def test_an_image_that_cannot_be_pulled_is_a_verdict(
    error: type[ReleaseError], verdict: Verdict, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next image is judged. Only an engine that does not answer ends the stage."""
    said = "pull of x failed: connection refused"

    def refuse(_: Setup) -> None:
        raise error(said, "hint")

    monkeypatch.setattr(EXECUTORS["docker"], "prepare_run", refuse)
    monkeypatch.setattr("runner.engine.is_answering", lambda: True)
    record = run.validate_image(SUBJECT, "cpu")
    assert record.verdict is verdict
    assert said in record.reason
    assert stage.ran == []
    monkeypatch.setattr("runner.engine.is_answering", lambda: False)
    error = EnvironmentFailed
    with pytest.raises(EnvironmentFailed, match="of x failed"):
        run.validate_image(SUBJECT, "cpu")
