"""A record of the largest run can be read again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from runner import records
from runner.errors import EnvironmentFailed
from runner.verdict import Verdict
from tests.fakes.refusal import refused
from tests.publish.signed import build_record, validation_record
from validation.executors.staging import LOG_CHARACTERS
from validation.nvml import _REASONS, MAX_SAMPLES
from validation.record import Check, Figure, GpuSample, SuiteResult, ValidationRecord
from validation.report import ALL_FIGURES, KEPT_CHARACTERS, MESSAGE_CHARACTERS, TESTS
from validation.suite import EVERY_SUITE

BESIDE = ("preflight", "floor", "regression")
LARGEST = 1e100
BUILD = build_record()


def largest_result(name: str, text: str) -> SuiteResult:
    """All that enters a record of one suite at its bounds; `text` is one character."""
    kept = text * (KEPT_CHARACTERS // (len(json.dumps(text)) - 2) // TESTS)
    figures = (Figure("", LARGEST, ""),) * (ALL_FIGURES // TESTS)
    checks = (Check(kept, Verdict.FAIL, "", LARGEST, figures, "c" * 300),) * TESTS
    sample = GpuSample(9999.999, 99, 9999, 9999, 9999.99, 999, 100, 1 << 40, (*_REASONS.values(),))
    log, reason = text * LOG_CHARACTERS, text * MESSAGE_CHARACTERS
    samples = (sample,) * MAX_SAMPLES
    return SuiteResult(name, Verdict.FAIL, reason, LARGEST, checks, log, "c" * 300, 9, samples)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["a", "\U0001f4a9", '"'])
def test_the_largest_record_can_be_read_again(text: str, tmp_path: Path) -> None:
    names = (*BESIDE, *(suite.name for suite in EVERY_SUITE))
    results = tuple(largest_result(name, text) for name in names)
    record = replace(validation_record(BUILD), suites=results)
    records.write_record(tmp_path / "validation.json", record)
    assert records.read_record(ValidationRecord, tmp_path / "validation.json") == record


@pytest.mark.parametrize("limit", ["JSON_VALUES", "JSON_BYTES"])
def test_a_record_that_could_not_be_read_again_is_not_written(
    limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = validation_record(BUILD)
    monkeypatch.setattr(records, limit, 20)
    with refused(EnvironmentFailed, "could not be read again", "report this fault"):
        records.write_record(tmp_path / "validation.json", record)
    assert not list(tmp_path.iterdir())
