"""The parts of a validation, which jobs on several nodes ran, as one record."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace

from runner.moments import parse_moment
from runner.verdict import WORST_FIRST, Verdict, summary_verdict
from validation.record import SuiteResult, ValidationRecord
from validation.run import ValidationTarget, blocking_reason

PARTS = "parts"
"""The result that says that parts do not belong together."""


def merge_parts(subject: ValidationTarget, parts: Sequence[ValidationRecord]) -> ValidationRecord:
    """Return the records of all parts of one image on one GPU model as one.

    Of a suite that is in several parts, as the look at the host is, the worst result counts. Parts
    on other GPUs, or of other suites, are not one run: the result PARTS makes it `inconclusive`.
    """
    results: dict[str, SuiteResult] = {}
    for result in (result for part in parts for result in part.suites):
        before = results.setdefault(result.suite, result)
        if WORST_FIRST.index(result.verdict) < WORST_FIRST.index(before.verdict):
            results[result.suite] = result
    order = dict.fromkeys(("preflight", *(suite.name for suite in subject.suites), *results))
    suites = [results[name] for name in order if name in results]
    ran = [part for part in parts if part.jobs]  # a job without a result names no GPU
    gpus = sorted({", ".join(part.environment.gpus) or "no GPU" for part in ran})
    is_same = len({(part.key, part.environment.executor) for part in ran}) <= 1
    problem = "" if is_same else "the parts ran other suites: the nodes have different checkouts"
    if len(gpus) > 1:
        problem = f"the parts ran on different GPUs: {' and '.join(gpus)}"
    if problem:
        suites.append(SuiteResult(PARTS, Verdict.INCONCLUSIVE, problem, 0.0, (), ""))
    first = min(parts, key=lambda part: part.started_at)
    starts = [parse_moment(part.started_at) for part in parts]
    lasting = [datetime.timedelta(seconds=part.seconds) for part in parts]
    ends = [start + length for start, length in zip(starts, lasting, strict=True)]
    where = replace(
        first.environment,
        driver=", ".join(sorted({part.environment.driver for part in parts} - {""})),
    )
    return replace(
        first,
        verdict=summary_verdict(result.verdict for result in suites),
        reason=blocking_reason(suites),
        suites=tuple(suites),
        environment=where,
        seconds=round((max(ends) - min(starts)).total_seconds(), 3),
        jobs=tuple(job for part in parts for job in part.jobs),
    )
