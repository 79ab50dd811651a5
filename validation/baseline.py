"""A measured floor for the repository, from the record of a validation on a GPU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from runner import records
from runner.moments import parse_moment
from runner.verdict import Verdict
from validation import floor
from validation.floor import TOLERANCE, TOLERANCE_SOURCE, Expectations, FloorSource
from validation.machine import DOCKER
from validation.rates import rate_per_second
from validation.record import SuiteResult, ValidationRecord

THROUGHPUT = "throughput"


@dataclass(frozen=True)
class MeasuredRun:
    """A record whose throughput can become a floor, and the suite that measured it."""

    record: ValidationRecord
    throughput: SuiteResult


def find_measured(record: ValidationRecord) -> MeasuredRun | str:
    """Return the throughput of a record, or why it cannot become a floor.

    It must have been measured in the image, on GPUs of one model, and must not be below the floor
    that it was compared with, provisional or not: a broken GPU is no measure for others.
    """
    suites = {suite.suite: suite for suite in record.suites}
    measured, judged = suites.get(THROUGHPUT), suites.get(floor.NAME)
    if record.environment.executor != DOCKER:
        return "the suites ran outside the image"
    if len(gpus := set(record.environment.gpus)) != 1:
        several = f"the GPUs were of several models: {', '.join(sorted(gpus))}"
        return several if gpus else "the suites ran without a GPU"
    if measured is None or measured.verdict is not Verdict.PASS:
        return f"the suite `{THROUGHPUT}` did not pass"
    if not any(map(rate_per_second, measured.checks)):
        return f"the suite `{THROUGHPUT}` measured nothing"
    if judged is None or judged.verdict not in (Verdict.PASS, Verdict.INCONCLUSIVE):
        return f"the floor: {judged.reason if judged else 'it was not judged'}"
    return MeasuredRun(record, measured)


def write_baseline(run: MeasuredRun, folder: Path) -> tuple[Path, Path]:
    """Write the expectations of the run's GPU, and its record beside them; return both paths.

    `folder` is that of the line. The record keeps the suites that the floor comes from.
    """
    record, gpu = run.record, run.record.environment.gpus[0]
    day = parse_moment(record.started_at).date()
    source = FloorSource(
        record.version, record.digest, record.environment.driver, day, record.command
    )
    fresh = Expectations(gpu, TOLERANCE, TOLERANCE_SOURCE, {})
    path = folder / floor.floor_file(gpu)
    records.write_text(path, floor.render_entry(run.throughput, fresh, source))
    kept = tuple(each for each in record.suites if each.suite in (THROUGHPUT, floor.NAME))
    beside = path.with_suffix(".json")
    records.write_record(beside, replace(record, suites=kept))
    return path, beside
