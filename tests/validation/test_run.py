"""The stage as a whole: which suites, in what order, and what the record says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from images.record import BuildRecord
from runner import records
from runner.verdict import Verdict
from tests.validation.suites_here import EXPECTED
from validation import run
from validation.executors.interface import Setup
from validation.judge import Ended
from validation.machine import Gpus
from validation.record import Environment, SuiteResult, ValidationRecord
from validation.suite import Suite

BUILD = BuildRecord(
    version="v2.6.0",
    image="cv",
    stacks=("base", "cv"),
    repository="staging",
    digest=f"sha256:{'1' * 64}",
    media_type="application/vnd.oci.image.manifest.v1+json",
    content_key="",
    layers=(),
    torch="2.6.0",
    cuda="12.4",
    python="3.11",
    base_source="",
    debian_packages=(),
    created_at="",
    seconds=0,
)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Setup]]:
    """A stage without an engine: every suite passes, apart from `device`, which is not run without a GPU."""
    seen: list[tuple[str, Setup]] = []

    def ran(suite: Suite, setup: Setup) -> Ended:
        seen.append((suite.name, setup))
        return Ended(exit_code=0, seconds=1.0)

    def judged(suite: Suite, _: Ended) -> SuiteResult:
        no_gpu = suite.name == "device" and not seen[-1][1].expected.gpu_count
        verdict, reason = (Verdict.NOT_RUN, "gpus: none") if no_gpu else (Verdict.PASS, "")
        return SuiteResult(suite.name, verdict, reason, 1.0, (), "")

    monkeypatch.setattr(run.docker, "run", ran)  # type: ignore[attr-defined]
    monkeypatch.setattr(run.harness, "installed", lambda: Path("/harness"))  # type: ignore[attr-defined]
    monkeypatch.setattr(run.docker, "prepare", lambda _: None)  # type: ignore[attr-defined]
    monkeypatch.setattr(run, "environment", _environment)
    monkeypatch.setattr(run, "judge", judged)
    return seen


def _environment(gpus: Gpus, shm_bytes: int) -> Environment:
    device = "cuda" if gpus.names else "cpu"
    return Environment("docker", device, gpus.names, gpus.driver, "", 2, 0, shm_bytes, "", "")


def test_cpu_is_at_best_inconclusive(seen: list[tuple[str, Setup]], tmp_path: Path) -> None:
    record = run.validate(BUILD, EXPECTED, "cpu", "localhost:5000")
    assert [name for name, _ in seen] == [
        "device",
        "libraries",
        "environment",
        "dataloader",
        "ddp",
        "compute",
        "workloads",
        "throughput",
        "cv",
    ]
    assert {setup.reference for _, setup in seen} == {f"localhost:5000/staging@{BUILD.digest}"}
    assert (record.verdict, record.reason) == (Verdict.INCONCLUSIVE, "device: gpus: none")
    assert record.command == "./release.py validate v2.6.0 --images cv --device cpu"
    records.write(tmp_path / "validation.json", record)
    assert records.read(ValidationRecord, tmp_path / "validation.json") == record


def test_gpus_found_are_planned(seen: list[tuple[str, Setup]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "choose_gpus", lambda _: Gpus(("A", "A"), "550.54.15"))
    record = run.validate(BUILD, EXPECTED, "auto", "localhost:5000")
    assert {(setup.expected.device, setup.expected.gpu_count) for _, setup in seen} == {("cuda", 2)}
    assert (record.verdict, record.reason, record.environment.driver) == (Verdict.PASS, "", "550.54.15")
    assert record.command.endswith("--device cuda")


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
