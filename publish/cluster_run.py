"""The waiting side of a validation on a cluster: send jobs, wait, collect what they signed.

All state is in Slurm and in the registry. A run that is killed loses nothing: the same command
finds its jobs by their names, and their results at the digest. What Slurm says of a job is never a
pass: that is only in a result that a trusted key signed.
"""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from images.record import BuildRecord
from publish.cluster_jobs import ClusterJob, plan_jobs, take_turns
from publish.cluster_results import (
    CollectedResult,
    collect_result,
    find_standing_result,
    make_missing_record,
)
from publish.cluster_watch import JobWatch
from publish.pipeline import ReleaseRun
from runner import embedded, progress, slurm
from runner.errors import ConfigError, ReleaseError
from runner.nouns import count_noun
from runner.time_limit import TimeLimitExceeded
from runner.verdict import WORST_FIRST
from validation.cluster import Cluster, load_cluster
from validation.parts import merge_parts
from validation.record import ValidationRecord

POLL_S = 2.0
UNREACHABLE_S = 1800.0
"""How long a run waits for a controller of Slurm that does not answer. Jobs go on meanwhile."""
QUESTION_S = 20.0

IfInterrupted = Literal["ask", "keep", "cancel"]


@dataclass(frozen=True)
class ClusterRequest:
    """The wishes of a person: models with commas between (None: all), and what Ctrl-C does."""

    models: str | None = None
    if_interrupted: IfInterrupted = "ask"


def validate_on_cluster(run: ReleaseRun, request: ClusterRequest) -> tuple[ValidationRecord, ...]:
    """Run the suites of a release as jobs of Slurm; return one record of each image and model."""
    cluster = load_cluster()
    models = cluster.choose_models(request.models)
    if embedded.configured_registry() is None:
        raise ConfigError(
            "the nodes cannot reach the embedded registry of this machine",
            "set PYTORCH_CUDA_IMAGES_REGISTRY to one that they reach (docs/cluster.md)",
        )
    return run.run_timed("validate", lambda: _run_jobs(run, cluster, models, request))


def _run_jobs(
    run: ReleaseRun, cluster: Cluster, models: Sequence[str], request: ClusterRequest
) -> tuple[ValidationRecord, ...]:
    builds = {build.image: build for build in run.record_store.read_builds()}
    jobs = plan_jobs(run, cluster, models, builds)
    results = _ClusterRun(run, cluster, jobs).wait_for_all(request.if_interrupted)
    judged = []
    for image, build in builds.items():
        records = [
            _join_parts(
                run,
                build,
                [job for job in jobs if (job.subject.image, job.model_name) == (image, model)],
                results,
            )
            for model in models
        ]
        if len(models) > 1:
            for model, record in zip(models, records, strict=True):
                run.record_store.write_validation(image, record, f"validation-{model}")
        worst = min(records, key=lambda record: WORST_FIRST.index(record.verdict))
        run.record_store.write_validation(image, worst, "validation")
        judged += records
    return tuple(judged)


def _join_parts(
    run: ReleaseRun,
    build: BuildRecord,
    jobs: Sequence[ClusterJob],
    results: dict[str, CollectedResult],
) -> ValidationRecord:
    """Return the record of an image on a model; sign it if it was made here of several parts.

    Nothing is signed if a part has no result: what did not run proves nothing.
    """
    found = [results[job.name] for job in jobs]
    missing = [each for each in found if each.result is None]
    parts = [
        each.result.record if each.result else make_missing_record(job, each.reason, run.command)
        for job, each in zip(jobs, found, strict=True)
    ]
    whole = replace(jobs[0].subject, only=())
    if len(parts) == 1:
        return parts[0]
    merged = merge_parts(whole, parts)
    if not missing:
        named = [each.result.artifact for each in found if each.result]
        run.signing_context.evidence_signer.attest_tests(build, merged, named)
    return merged


class _ClusterRun:
    """The jobs of one run and the nodes that it avoids, until every job has ended."""

    def __init__(self, run: ReleaseRun, cluster: Cluster, jobs: Sequence[ClusterJob]) -> None:
        self._run = run
        self._jobs = {job.name: job for job in jobs}
        self._watch = JobWatch(cluster)
        self._results: dict[str, CollectedResult] = {}

    def wait_for_all(self, if_interrupted: IfInterrupted) -> dict[str, CollectedResult]:
        """Return the result of every job by its name.

        Raises JobRefused if Slurm does not take a job. Whatever ends it early, it says which jobs
        go on.
        """
        try:
            self._take_over(slurm.list_jobs())
            while open_jobs := take_turns(
                [job for name, job in self._jobs.items() if name not in self._results]
            ):
                known = self._list_patiently()
                for job in open_jobs:
                    self._look_at(job, known)
                if len(self._results) < len(self._jobs):
                    time.sleep(POLL_S)
        except KeyboardInterrupt:
            self._leave_jobs(cancel=_wants_cancel(if_interrupted, slurm.list_live_jobs(self._jobs)))
            raise
        except (ReleaseError, TimeLimitExceeded):
            self._leave_jobs(cancel=False)
            raise
        return self._results

    def _take_over(self, known: Sequence[slurm.SlurmJob]) -> None:
        """Take results that stand, and what ended while nobody waited; find jobs that go on."""
        for job in self._jobs.values():
            mine = [each for each in known if each.name == job.name]
            if found := find_standing_result(self._run, job, mine):
                verdict = found.record.verdict
                progress.say_line(
                    f"  {job.title}: {verdict}; not run again, {found.job} judged it at "
                    f"{found.record.started_at}"
                )
                self._results[job.name] = CollectedResult(found, "")
            else:
                self._watch.begin(job, mine)

    def _list_patiently(self) -> tuple[slurm.SlurmJob, ...]:
        """Return the jobs that Slurm knows; wait for a controller that is gone for a while."""
        deadline, has_waited = time.monotonic() + UNREACHABLE_S, False
        while True:
            try:
                known = slurm.list_jobs()
            except slurm.ControllerUnreachable as error:
                if time.monotonic() > deadline:
                    raise
                if not has_waited:
                    progress.say_line(f"  waiting for Slurm: {error.message}; jobs go on meanwhile")
                has_waited = True
                time.sleep(POLL_S)
            else:
                if has_waited:
                    progress.say_line("  Slurm answers again")
                return known

    def _look_at(self, job: ClusterJob, known: Sequence[slurm.SlurmJob]) -> None:
        """Send a job, show how far it is, or collect what it left."""
        refusal = self._watch.send_if_needed(job, known)
        if refusal:
            self._results[job.name] = CollectedResult(None, refusal)
            progress.say_line(f"  {job.title}: infra, {refusal}")
            return
        ended = self._watch.find_end(job, known)
        if ended is None:
            return
        found = collect_result(self._run, job, ended)
        if self._watch.may_retry(job, ended, found):
            progress.say_line(f"  {job.title}: {found.problem}; it is sent again")
            return
        self._results[job.name] = found
        verdict = found.result.record.verdict if found.result else "infra"
        reason = f", {found.problem}" if found.problem else ""
        progress.say_line(f"  {job.title}: {verdict} on {ended.node or 'no node'}{reason}")

    def _leave_jobs(self, *, cancel: bool) -> None:
        """Cancel the jobs that wait or run, or say how to."""
        live = slurm.list_live_jobs(self._jobs)
        if not live:
            return
        jobs = f"{count_noun(len(live), 'job')} of this run"
        by_hand = f"`scancel {' '.join(map(str, live))}`"
        if not cancel:
            progress.say_line(
                f"  {jobs} go on in Slurm: the same command collects them; cancel them with "
                f"{by_hand}"
            )
        elif slurm.cancel_jobs(live):
            progress.say_line(f"  {jobs} cancelled: {', '.join(map(str, live))}")
        else:
            progress.say_line(f"  {jobs} may go on: Slurm did not answer; cancel with {by_hand}")


def _wants_cancel(choice: IfInterrupted, live: Sequence[int]) -> bool:
    """Return whether to cancel jobs; a person at a terminal is asked, and silence keeps them."""
    if choice != "ask" or not live:
        return choice == "cancel"
    if not progress.can_ask():
        return False
    progress.say_line(f"  {count_noun(len(live), 'job')} wait or run: cancel them? [y/N]")
    ready, _, _ = select.select([sys.stdin], [], [], QUESTION_S)
    return bool(ready) and sys.stdin.readline().strip().lower() in ("y", "yes")
