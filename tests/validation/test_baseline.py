"""`baseline`: a measured floor from the record of a run, and when there is none to be had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runner import records
from runner.verdict import Verdict
from tests.validation.test_levels import recorded
from validation import baseline, floor
from validation.baseline import MeasuredRun, find_measured, write_baseline
from validation.machine import DOCKER
from validation.record import ValidationRecord

DIGEST = f"sha256:{'1' * 64}"


def measured() -> ValidationRecord:
    """The real run on an H200, as if it had been in an image and its floor had been judged."""
    record = recorded()
    where = replace(record.environment, executor=DOCKER)
    suites = tuple(
        replace(each, verdict=Verdict.INCONCLUSIVE) if each.suite == floor.NAME else each
        for each in record.suites
    )
    return replace(record, version="v2.11.0", digest=DIGEST, environment=where, suites=suites)


def test_a_floor_is_written_with_its_record_and_judges_the_next_run(tmp_path: Path) -> None:
    found = find_measured(measured())
    assert isinstance(found, MeasuredRun)
    path, beside = write_baseline(found, tmp_path / "2.11")
    assert (path.name, beside.name) == ("nvidia-h200.yaml", "nvidia-h200.json")
    known = floor.load_expectations("NVIDIA H200", path.parent)
    assert known.floors["training[resnet50-amp]"].per_s == 4333.94
    assert known.floors["training[resnet50-amp]"].measured.digest == DIGEST
    again = floor.judge_floor(
        found.throughput, ["NVIDIA H200"], next(iter(known.floors.values())).measured, path.parent
    )
    assert (again.verdict, again.reason) == (Verdict.PASS, "")
    kept = records.read_record(ValidationRecord, beside)
    assert kept is not None
    assert [suite.suite for suite in kept.suites] == [baseline.THROUGHPUT, floor.NAME]
    judged = replace(kept, suites=(again,))
    assert floor.find_floor_kind(judged) == floor.MEASURED


def without(name: str) -> Callable[[ValidationRecord], ValidationRecord]:
    return lambda record: replace(
        record, suites=tuple(each for each in record.suites if each.suite != name)
    )


def with_verdict(name: str, verdict: Verdict) -> Callable[[ValidationRecord], ValidationRecord]:
    return lambda record: replace(
        record,
        suites=tuple(
            replace(each, verdict=verdict, reason="it is slow") if each.suite == name else each
            for each in record.suites
        ),
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: recorded(), "the suites ran outside the image"),
        (without("throughput"), "the suite `throughput` did not pass"),
        (with_verdict("throughput", Verdict.INFRA), "the suite `throughput` did not pass"),
        (with_verdict("floor", Verdict.FAIL), "the floor: it is slow"),
        (without("floor"), "the floor: it was not judged"),
        (
            lambda record: replace(record, environment=replace(record.environment, gpus=())),
            "the suites ran without a GPU",
        ),
        (
            lambda record: replace(
                record, environment=replace(record.environment, gpus=("NVIDIA L4", "Tesla T4"))
            ),
            "the GPUs were of several models: NVIDIA L4, Tesla T4",
        ),
    ],
)
def test_what_is_no_measure_for_others(
    change: Callable[[ValidationRecord], ValidationRecord], said: str
) -> None:
    assert find_measured(change(measured())) == said
