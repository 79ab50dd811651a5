#!/usr/bin/env python3
"""Measure the false alarms and the cost of a validation on clean images with the CPU profile.

Every run is a whole validation, as `./release.py validate` makes it. Each check must pass, or be
`not run` because there is no GPU. A failure that passed on a retry (`flaky`) is a false alarm too.
The benchmark also measures the time of the profile, the time of each suite, and the time that the
harness adds, with a suite that does nothing.

    .venv/bin/python benchmarks/clean_runs.py 20 cv-nlp-rl

The image cv-nlp-rl has every suite. One run takes about 4 minutes.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from images import catalog
from runner.verdict import Verdict
from tests.real_images import reference_of
from tests.validation.suites_here import asserted
from validation import harness
from validation.executors import EXECUTORS, Setup
from validation.judge import judge_suite
from validation.record import Check, ValidationRecord
from validation.run import ValidationTarget, validate_image
from validation.suite import Suite, list_suites

NOTHING = "def test_nothing() -> None:\n    pass\n"
EMPTY_RUNS = 5


def subject_of(image: str) -> ValidationTarget:
    """Return a real image as the build stage hands it to the validation."""
    shipped = catalog.load_catalog()
    reference = reference_of(image)
    stacks, floor = shipped.stacks_of(image), shipped.lines["2.6"].driver_floor
    return ValidationTarget(
        "v2.6.0", image, stacks, reference.rpartition("@")[2], reference, asserted(image), floor
    )


def alarms(record: ValidationRecord) -> list[str]:
    """Return every check that is a false alarm, and every suite that was run again."""
    checks = [(result.suite, check) for result in record.suites for check in result.checks]
    found = [
        f"{suite}: {check.name} is {check.verdict}: {check.reason}"
        for suite, check in checks
        if is_alarm(check)
    ]
    again = [result for result in record.suites if result.attempts > 1]
    return [
        *found,
        *(f"{result.suite} took {result.attempts} attempts: {result.reason}" for result in again),
    ]


def is_alarm(check: Check) -> bool:
    """Return whether this result of a check is a false alarm for a clean image on a CPU."""
    return check.verdict not in (Verdict.PASS, Verdict.NOT_RUN)


def empty_suite(subject: ValidationTarget) -> float:
    """Return the median seconds of a suite that does nothing, from its start to its verdict."""
    setup = Setup(subject.reference, harness.install_harness(), subject.expected)
    EXECUTORS["docker"].prepare_run(setup)
    with tempfile.TemporaryDirectory() as folder:
        suite = Suite("nothing", "base", 60, 120, listed=False, folder=Path(folder))
        suite.module_path.parent.mkdir()
        suite.module_path.write_text(NOTHING, encoding="utf-8")
        return statistics.median(_measure_run(suite, setup) for _ in range(EMPTY_RUNS))


def _measure_run(suite: Suite, setup: Setup) -> float:
    started = time.monotonic()
    result = judge_suite(suite, EXECUTORS["docker"].run_suite(suite, setup))
    if result.verdict is not Verdict.PASS:
        raise SystemExit(f"the empty suite did not pass: {result.reason}")
    return time.monotonic() - started


def show(
    subject: ValidationTarget,
    records: Sequence[ValidationRecord],
    found: Sequence[str],
    empty_s: float,
) -> None:
    """Print the figures as Markdown."""
    where = records[0].environment
    print(
        f"{len(records)} clean runs of {subject.image} on {where.cpus} cores ({where.cpu}): "
        f"{len(found)} alarms"
    )
    print("\n| suite | checks | median s | slowest s |\n|---|---|---|---|")
    for suite in list_suites(subject.stacks):
        results = [
            result for record in records for result in record.suites if result.suite == suite.name
        ]
        seconds = [result.seconds for result in results]
        print(
            f"| {suite.name} | {len(results[0].checks)} | {statistics.median(seconds):.1f} | "
            f"{max(seconds):.1f} |"
        )
    whole = [record.seconds for record in records]
    print(f"| whole profile | | {statistics.median(whole):.1f} | {max(whole):.1f} |")
    containers = len(list_suites(subject.stacks))
    print(
        f"\nThe harness adds {empty_s:.2f} s a suite, {containers * empty_s:.1f} s for "
        f"{containers} suites."
    )


def main(runs: int, image: str) -> int:
    """Validate and print; return 1 if there was a false alarm."""
    subject, records, found = subject_of(image), [], []
    empty_s = empty_suite(subject)
    for number in range(1, runs + 1):
        records.append(validate_image(subject, "cpu"))
        found += [f"run {number}: {alarm}" for alarm in alarms(records[-1])]
    show(subject, records, found, empty_s)
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
