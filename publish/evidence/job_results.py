"""Results that jobs of a cluster signed and attached: found again by the name of the job.

Jobs and the machine that waits for them share nothing else. Only what a trusted key signed counts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from images.record import BuildRecord
from oci.registry import Registry
from publish.evidence import attest
from publish.evidence import store as evidence
from publish.evidence.predicates import (
    TEST_PART,
    TEST_RESULT,
    add_seconds,
    list_artifacts,
    test_part,
    test_result,
)
from publish.evidence.predicates.test_result import count_gpus
from publish.evidence.store import FoundEvidence
from publish.evidence.trust import Trusted
from runner.errors import GateRefused
from runner.moments import parse_moment
from runner.verdict import Verdict
from validation.record import ValidationRecord

_READERS = {TEST_PART: test_part.read_test_part, TEST_RESULT: test_result.read_test_result}


@dataclass(frozen=True)
class JobResult:
    """The record of one job. `artifact` is the digest of the statement that vouches for it."""

    job: str
    record: ValidationRecord
    artifact: str
    is_part: bool


def list_job_results(
    registry: Registry, build: BuildRecord, trusted: Trusted, name: str
) -> tuple[JobResult, ...]:
    """Return the results of the jobs with a name about a build, the oldest first.

    Raises RegistryError: a result that cannot be read is not one that is missing.
    """
    found = [
        each
        for kind in _READERS
        for each in evidence.read_evidence(registry, build.repository, build.digest, trusted, kind)
    ]
    found.sort(key=lambda each: (each.created, each.artifact))
    results = (_read_result(registry, build, each, name) for each in found)
    return tuple(result for each in results for result in each)


def has_failed_since(
    registry: Registry, build: BuildRecord, trusted: Trusted, record: ValidationRecord
) -> bool:
    """Return whether a later test on such GPUs failed or had a fault, by a job or without one.

    The gate takes the newest one, so a command that kept the older pass would never get further. A
    test that was made of `record` and of other parts failed by one of those: their jobs run again.
    """
    where = record.environment
    gpus = count_gpus(where.gpus, where.families)
    ended = parse_moment(add_seconds(record.started_at, record.seconds))
    found = evidence.read_evidence(registry, build.repository, build.digest, trusted, TEST_RESULT)
    for about in (each.statement for each in found if each.statement and not each.problem):
        with contextlib.suppress(GateRefused, ValueError):
            tested = test_result.read_test_result(about)
            is_same = (tested.gpus, tested.device) == (gpus, where.device)
            is_made_of_it = not set(record.jobs).isdisjoint(tested.jobs)
            is_failure = tested.verdict in (Verdict.FAIL, Verdict.INFRA)
            counts = is_failure and is_same and not is_made_of_it
            if counts and parse_moment(tested.finished_at) > ended:
                return True
    return False


def count_unusable(registry: Registry, build: BuildRecord, trusted: Trusted) -> int:
    """Return how many test results about a build no trusted key signed, or cannot be read."""
    return sum(
        bool(each.problem)
        for kind in _READERS
        for each in evidence.read_evidence(registry, build.repository, build.digest, trusted, kind)
    )


def _read_result(
    registry: Registry, build: BuildRecord, found: FoundEvidence, name: str
) -> Iterator[JobResult]:
    """Yield the result in a statement, if a job of that name alone made it."""
    about, repository = found.statement, build.repository
    if about is None or found.problem:
        return
    try:
        jobs = _READERS[about.predicate_type](about).jobs
    except GateRefused:
        return
    if len(jobs) != 1 or jobs[0].partition("/")[0] != name:
        return
    for artifact in list_artifacts(about):
        record = attest.read_record_artifact(
            registry, repository, build.digest, artifact, "validation", ValidationRecord
        )
        if record is not None and (record.digest, record.jobs) == (build.digest, jobs):
            is_part = about.predicate_type == TEST_PART
            yield JobResult(jobs[0], record, found.artifact, is_part)
            return
