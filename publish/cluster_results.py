"""The results that jobs of a cluster left, each signed, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from images.record import BuildRecord
from publish.cluster_jobs import ClusterJob
from publish.cluster_node import FAILED
from publish.evidence.job_results import (
    JobResult,
    count_unusable,
    has_failed_since,
    list_job_results,
)
from publish.pipeline import ReleaseRun
from runner import records
from runner.moments import format_now
from runner.slurm import SlurmJob
from runner.verdict import Verdict
from validation.machine import DOCKER
from validation.record import Environment, SuiteResult, ValidationRecord
from validation.run import has_same_inputs, stands_elsewhere

JOB = "job"
"""The result that says why a job left none."""

ENDS = {
    "NODE_FAIL": "the node failed",
    "BOOT_FAIL": "the node could not be started",
    "PREEMPTED": "other work took its place",
    "CANCELLED": "somebody cancelled it",
    "TIMEOUT": "it did not end in its {minutes} minutes; raise `minutes` in the cluster file",
    "DEADLINE": "it did not end before its deadline",
    "OUT_OF_MEMORY": "the node had too little memory for it",
    "REVOKED": "another cluster took it",
}
"""What a state of Slurm means for a job that left no result."""
LOST = "LOST"
"""The state of a job that Slurm does not know any more."""


@dataclass(frozen=True)
class CollectedResult:
    """The result of a job, None if it left none that counts; then `reason` says why.

    `fault` is what is wrong with the machine although there is a result.
    """

    result: JobResult | None
    reason: str
    fault: str = ""

    @property
    def problem(self) -> str:
        """The fault of the machine, in words; empty if there is none."""
        return self.fault or self.reason


def find_standing_result(
    run: ReleaseRun, job: ClusterJob, known: Sequence[SlurmJob]
) -> JobResult | None:
    """Return the result that stands for a job, so that it is not run again; None if none does.

    It is the newest that says something about the image, it passed, and it is recent. Or the job
    ended, as Slurm still knows, while nobody waited for it.
    """
    build, trusted = _require_build(job), run.signing_context.trusted
    found = [
        each
        for each in list_job_results(run.registry, build, trusted, job.name)
        if not find_wrong_place(job, each.record)
    ]
    judged = [each for each in found if each.record.verdict is not Verdict.INFRA]
    # an older pass would hide the failure after it
    if (
        judged
        and stands_elsewhere(judged[-1].record, job.subject)
        and not has_failed_since(run.registry, build, trusted, judged[-1].record)
    ):
        return judged[-1]
    if any(not each.has_ended for each in known):
        return None
    # a result in the records of this machine was told already
    names, store = ("validation", f"validation-{job.model_name}"), run.record_store
    paths = [store.path_of(job.subject.image, name) for name in names]
    before = (records.read_record(ValidationRecord, path) for path in paths)
    seen = {number for record in before if record for number in record.jobs}
    ended = {f"{each.name}/{each.number}" for each in known} - seen
    return next((each for each in reversed(found) if each.job in ended), None)


def collect_result(run: ReleaseRun, job: ClusterJob, ended: SlurmJob) -> CollectedResult:
    """Return what a job that has ended left at its digest in the registry."""
    build, trusted = _require_build(job), run.signing_context.trusted
    number = f"{ended.name}/{ended.number}"
    # a new installation of Slurm counts from 1 again: the newest result is that of this job
    for result in reversed(list_job_results(run.registry, build, trusted, job.name)):
        if result.job == number:
            if wrong := find_wrong_place(job, result.record):
                return CollectedResult(None, f"{wrong} on {ended.node}")
            is_infra = result.record.verdict is Verdict.INFRA
            return CollectedResult(result, "", result.record.reason if is_infra else "")
    reason = describe_end(job, ended)
    if count_unusable(run.registry, build, trusted) and not ended.comment.startswith(FAILED):
        reason += "; a result is there that no trusted key signed: trust the key of the node"
    return CollectedResult(None, f"job {ended.number}: {reason}")


def describe_end(job: ClusterJob, ended: SlurmJob) -> str:
    """Return why a job without a result ended, and on which node."""
    place = f" on {ended.node}" if ended.node else ""
    if ended.state == LOST:
        return "Slurm does not know it any more"
    if known := ENDS.get(ended.state):
        return f"{known.format(minutes=job.model.minutes)}{place}"
    if ended.comment.startswith(FAILED):
        return f"it failed{place}: {ended.comment.removeprefix(FAILED)}"
    return f"it ended{place} without a result: see its output, `log_folder` in the cluster file"


def find_wrong_place(job: ClusterJob, record: ValidationRecord) -> str:
    """Return why a result is not of the suites or the GPU that a job is about; empty if it is."""
    gpus = record.environment.gpus
    if record.environment.device != job.model.device:
        return f"the suites used the device {record.environment.device}, not {job.model.device}"
    if job.model.gpu and any(gpu != job.model.gpu for gpu in gpus):
        return f"the GPU is {gpus[0]}, not {job.model.gpu}"
    if not has_same_inputs(record, job.subject):
        return "the checkout has other suites than this one"
    return ""


def make_missing_record(job: ClusterJob, reason: str, command: str) -> ValidationRecord:
    """Return the record of a job without a result. It is `infra`, and nobody signs it."""
    suites = tuple(
        SuiteResult(name, Verdict.NOT_RUN, f"not started: {reason}", 0.0, (), "")
        for name in job.subject.only
    )
    return ValidationRecord(
        version=job.subject.version,
        image=job.subject.image,
        digest=job.subject.digest,
        key="",
        verdict=Verdict.INFRA,
        reason=f"{JOB}: {reason}",
        suites=(SuiteResult(JOB, Verdict.INFRA, reason, 0.0, (), ""), *suites),
        environment=Environment(DOCKER, job.model.device, (), "", "", 0, 0, 0, "", ""),
        command=command,
        started_at=format_now(),
        seconds=0.0,
    )


def _require_build(job: ClusterJob) -> BuildRecord:
    if job.build is None:  # plan_jobs of a release that is built has it
        raise ValueError(f"{job.title} has no build")
    return job.build
