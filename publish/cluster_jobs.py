"""The jobs of a validation on a cluster: which there are, their names, and how long they may take.

A job is one image, one group of suites and one GPU model. Its name follows from these and from the
digest and the suites' files, so the same command finds its jobs again.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from images.record import BuildRecord
from publish.pipeline import ReleaseRun
from runner import records
from runner.errors import ReleaseError
from runner.home import REPOSITORY
from validation.cluster import Cluster, GpuModel
from validation.record import ValidationRecord
from validation.run import ValidationTarget, hash_inputs, plan_gpus
from validation.suite import MULTINODE, list_suites

PREFIX = "ptci"
"""How the names of all jobs of this project begin."""

SuiteTimes = Mapping[tuple[str, str], float]
"""Seconds of a suite by the GPU it ran on (empty: a CPU) and its name."""


@dataclass(frozen=True)
class ClusterJob:
    """A job. `build` is None before the image is built; then the name is not final.

    `subject.only` are its suites. `estimate_s` is None if no earlier record has all of them.
    """

    name: str
    model_name: str
    model: GpuModel
    subject: ValidationTarget
    build: BuildRecord | None
    is_part: bool
    estimate_s: float | None = None

    @property
    def title(self) -> str:
        """The job in messages: image, model, and the suites if they are not all of the image."""
        suites = f" ({', '.join(self.subject.only)})" if self.is_part else ""
        return f"{self.subject.image} {self.model_name}{suites}"

    @property
    def planned_s(self) -> float:
        """Seconds to plan with: the estimate, else the limit."""
        return self.model.minutes * 60.0 if self.estimate_s is None else self.estimate_s

    @property
    def gpu_hours(self) -> float:
        """Hours of GPUs to plan with; 0 on a CPU."""
        gpus = self.model.gpu_count if self.model.device == "cuda" else 0
        return self.nodes * gpus * self.planned_s / 3600

    @property
    def nodes(self) -> int:
        """How many nodes it has at the same time."""
        return max(suite.nodes for suite in self.subject.suites)


def plan_jobs(
    run: ReleaseRun,
    cluster: Cluster,
    models: Sequence[str],
    builds: Mapping[str, BuildRecord | None],
    times: SuiteTimes | None = None,
) -> tuple[ClusterJob, ...]:
    """Return the jobs of the images of `builds`, the longest first.

    Estimates come from `times`, by default those of this machine's records.
    """
    times = read_suite_times(run.out) if times is None else times
    jobs = (
        replace(job, estimate_s=_estimate_seconds(job, times))
        for image, build in builds.items()
        for model in models
        for job in _split_image(run, cluster, model, image, build)
    )
    return tuple(sorted(jobs, key=lambda job: (-job.planned_s, job.title)))


def _split_image(
    run: ReleaseRun, cluster: Cluster, model_name: str, image: str, build: BuildRecord | None
) -> Iterator[ClusterJob]:
    digest = build.digest if build else ""
    reference = build.image_reference(run.registry.host) if build else ""
    subject = run.make_validation_target(image, digest, reference)
    model = cluster.models[model_name]
    gpus = model.gpu_count if model.device == "cuda" else 0
    version = hash_inputs(subject, plan_gpus(subject.expected, gpus))
    groups = cluster.split_suites(list_suites(subject.stacks))
    if cluster.runs_multinode(model_name):
        groups = (*groups, (MULTINODE.name,))
    for suites in groups:
        parts = [digest, image, model_name, version, *suites]
        number = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
        name = f"{PREFIX}-{image}-{model_name}-{number}"
        part = replace(subject, only=suites)
        yield ClusterJob(name, model_name, model, part, build, is_part=len(groups) > 1)


def read_suite_times(out: Path) -> SuiteTimes:
    """Return how long each suite took in the newest record of this machine that ran it."""
    times: dict[tuple[str, str], tuple[str, float]] = {}
    for path in sorted(out.glob("v*/*/validation*.json")):
        try:
            record = records.read_record(ValidationRecord, path)
        except ReleaseError:  # a record that cannot be read is no reason to plan nothing
            continue
        gpu = record.environment.gpus[0] if record and record.environment.gpus else ""
        for suite in record.suites if record else ():
            before = times.get((gpu, suite.suite), ("", 0.0))
            if record and suite.seconds > 0 and record.started_at >= before[0]:
                times[gpu, suite.suite] = (record.started_at, suite.seconds)
    return {key: seconds for key, (_, seconds) in times.items()}


def _estimate_seconds(job: ClusterJob, times: SuiteTimes) -> float | None:
    """Return the seconds of all suites of a job; None if no record has one of them."""
    is_cpu = job.model.device == "cpu"
    total = 0.0
    for suite in job.subject.only:
        found = [
            seconds
            for (gpu, name), seconds in times.items()
            if name == suite and (not gpu if is_cpu else gpu and job.model.gpu in ("", gpu))
        ]
        if not found:
            return None
        total += max(found)
    return total


def take_turns(left: Sequence[ClusterJob]) -> list[ClusterJob]:
    """Return the jobs that may be sent of those without a result: one of several nodes at a time.

    An image on several nodes has their network, and would reach another one there.
    """
    joined = [job for job in left if job.nodes > 1]
    return [job for job in left if job not in joined[1:]]


def make_options(job: ClusterJob, cluster: Cluster, avoided: Collection[str]) -> tuple[str, ...]:
    """Return the options of `sbatch` for a job, away from some nodes.

    Each job has its node alone: the engine runs containers outside of what Slurm gave the job, so
    Slurm could not keep two of them apart.
    """
    log = f"{cluster.log_folder}/%x-%j.log" if cluster.log_folder else "/dev/null"
    given = {
        "partition": job.model.partition or cluster.partition,
        "account": cluster.account,
        "constraint": job.model.constraint,
        "gres": job.model.gres,
        "exclude": ",".join(sorted(avoided)),
    }
    return (
        f"--job-name={job.name}",
        f"--time={job.model.minutes}",
        f"--output={log}",
        *(f"--nodes={job.nodes}", *(["--ntasks-per-node=1"] if job.nodes > 1 else [])),
        *("--exclusive", "--mem=0", "--no-requeue", "--export=NONE", "--chdir=/"),
        *(f"--{name}={value}" for name, value in given.items() if value),
    )


def make_script(job: ClusterJob, cluster: Cluster) -> str:
    """Return the script of a job: the settings of the node, then one command of this program.

    A job of several nodes runs that as one task on each. The nodes are told the address of the
    first one as Slurm knows it, because its name may mean nothing to the others.
    """
    subject = job.subject
    words = [
        *("./release.py", "run-job", subject.version, "--image", subject.image),
        *("--digest", subject.digest, "--suites", ",".join(subject.only)),
        *("--device", job.model.device),
    ]
    own = f'--job "{job.name}/$SLURM_JOB_ID" --node "$SLURMD_NODENAME"'
    settings = [f"set -a; . {shlex.quote(cluster.node_settings)}; set +a"]
    lines = [
        "set -e",
        *(settings if cluster.node_settings else []),
        f"cd {shlex.quote(cluster.checkout or str(REPOSITORY))}",
        f"exec {shlex.join(words)} {own}",
    ]
    if job.nodes > 1:
        task = "\n".join([*lines[:-1], f'{lines[-1]} --rank "$SLURM_NODEID" --leader "$1"'])
        tasks = f"--nodes={job.nodes} --ntasks={job.nodes} --ntasks-per-node=1"
        lines = [
            "set -e",
            'first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
            'leader=$(scontrol -o show node "$first" | tr " " "\\n" | sed -n "s/^NodeAddr=//p")',
            f"exec srun {tasks} --kill-on-bad-exit=0 --export=ALL "
            f'/bin/sh -c {shlex.quote(task)} task "$leader"',
        ]
    return "\n".join(["#!/bin/sh", *lines, ""])
