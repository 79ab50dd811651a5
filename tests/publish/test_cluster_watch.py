"""What a person sees of a job that Slurm does not take yet."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from publish.cluster_jobs import ClusterJob
from publish.cluster_watch import JobWatch
from runner import slurm
from tests.publish.line import Line
from tests.validation.suites_here import EXPECTED
from validation.cluster import Cluster, GpuModel
from validation.run import ValidationTarget

CPU = GpuModel("cpu", 5)


def test_why_a_job_is_not_sent_is_said_once(
    line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build = line.prepare("v2.6.0", gpus=None)
    subject = ValidationTarget("v2.6.0", "base", ("base",), build.digest, "", EXPECTED, "")
    job = ClusterJob("ptci-base-cpu-0", "cpu", CPU, subject, build, is_part=False)
    reasons = iter(["too many jobs", "too many jobs", "socket timed out"])

    def submit_job(_: Sequence[str], __: str) -> int:
        raise slurm.ControllerUnreachable(f"sbatch: {next(reasons)}", slurm.HINT)

    monkeypatch.setattr(slurm, "submit_job", submit_job)
    watch = JobWatch(Cluster({"cpu": CPU}))
    watch.begin(job, ())
    for _ in range(3):
        assert not watch.send_if_needed(job, ())
    assert capsys.readouterr().err.splitlines() == [
        "  base cpu: not sent yet: sbatch: too many jobs",
        "  base cpu: not sent yet: sbatch: socket timed out",
    ]
