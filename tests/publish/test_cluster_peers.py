"""A job of two nodes: its script, its port, and the first node that waits for the other."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from images import plan as planning
from publish import cluster_peers
from publish.cluster_jobs import ClusterJob, make_options, make_script, plan_jobs, take_turns
from publish.cluster_node import NodeWork
from publish.cluster_peers import choose_port, join_others, name_result, require_free_ports
from publish.cluster_results import CollectedResult
from publish.cluster_watch import JobWatch
from publish.evidence.job_results import list_job_results
from publish.pipeline import ReleaseRun, StageOptions
from runner.errors import EnvironmentFailed
from runner.slurm import SlurmJob
from runner.verdict import Verdict
from tests.fakes.refusal import refused
from tests.publish.line import Line
from tests.publish.signed import build_record, suite, validation_record
from tests.validation.test_run import SUBJECT
from validation.cluster import Cluster, GpuModel
from validation.node_results import OTHER_NODE
from validation.record import ValidationRecord
from validation.suites.contract.node_place import NodePlace, read_place, write_place

L4 = GpuModel("cuda", 30, gres="gpu:2")
ONLY = replace(SUBJECT, only=("multinode",))
JOB = ClusterJob("ptci-base-l4-0", "l4", L4, ONLY, build_record(), is_part=True, estimate_s=3600.0)
CLUSTER = Cluster(
    {"l4": L4}, checkout="/opt/here", node_settings="/etc/node.env", groups={}, multinode=True
)


@pytest.fixture
def run(line: Line, tmp_path: Path) -> ReleaseRun:
    number = line.catalog.require_version("v2.6.0")
    plan = planning.make_plan(line.catalog, number, ["base"], tmp_path / "out")
    out, options = tmp_path / "out", StageOptions()
    return ReleaseRun(line.catalog, number, plan, line.registry, out, options, "./release.py")


def test_two_nodes_are_one_more_job_and_change_no_other(line: Line, run: ReleaseRun) -> None:
    builds = {"base": line.prepare("v2.6.0", gpus=None)}
    without = plan_jobs(run, replace(CLUSTER, multinode=False), ["l4"], builds)
    jobs = plan_jobs(run, CLUSTER, ["l4"], builds)
    assert {job.name for job in without} < {job.name for job in jobs}
    (more,) = {job.title: job for job in jobs if job.nodes > 1}.items()
    assert more[0] == "base l4 (multinode)"
    assert make_options(without[0], CLUSTER, ()) == make_options(
        next(job for job in jobs if job.nodes == 1), CLUSTER, ()
    )
    assert JOB.gpu_hours == 4.0, "two nodes with two GPUs each"


def test_jobs_of_several_nodes_take_turns() -> None:
    """Their images have the network of the nodes, and would reach each other there."""
    more = replace(JOB, name="ptci-cv-l4-0")
    alone = replace(JOB, name="ptci-rl-l4-0", subject=SUBJECT)
    assert alone.nodes == 1
    assert take_turns([JOB, alone, more]) == [JOB, alone]
    assert take_turns([alone, more]) == [alone, more]


def test_its_script_runs_one_task_on_each_node_with_the_address_of_the_first(
    tmp_path: Path,
) -> None:
    """The words are those of a shell; Slurm's programs are stand-ins."""
    assert {"--nodes=2", "--ntasks-per-node=1"} <= {*make_options(JOB, CLUSTER, ())}
    bin_folder, checkout = tmp_path / "bin", tmp_path / "it's here"
    bin_folder.mkdir()
    checkout.mkdir()
    programs = {
        bin_folder / "scontrol": 'case "$2" in hostnames) echo node-a; echo node-b;; *) '
        'echo "NodeName=$4 Arch=x86_64 NodeAddr=10.0.0.7 NodeHostName=a Port=6818";; esac',
        bin_folder
        / "srun": "for each in 0 1; do (export SLURM_NODEID=$each SLURMD_NODENAME=n$each; "
        'while [ "${1#--}" != "$1" ]; do shift; done; "$@"); done',
        checkout / "release.py": 'echo "$SETTING: $*"',
    }
    for path, text in programs.items():
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    (tmp_path / "node.env").write_text("SETTING=of-$SLURMD_NODENAME\n")
    cluster = replace(CLUSTER, checkout=str(checkout), node_settings=str(tmp_path / "node.env"))
    environment = {"PATH": f"{bin_folder}:{os.environ['PATH']}", "SLURM_JOB_ID": "7"}
    done = subprocess.run(
        ["/bin/sh"],
        input=make_script(JOB, cluster),
        env={**environment, "SLURM_JOB_NODELIST": "node-[a-b]"},
        capture_output=True,
        text=True,
        check=True,
    )
    for rank, line in enumerate(done.stdout.splitlines()):
        assert line.startswith(f"of-n{rank}: run-job {SUBJECT.version} --image cv --digest ")
        assert line.endswith(
            f"--suites multinode --device cuda --job {JOB.name}/7 --node n{rank} "
            f"--rank {rank} --leader 10.0.0.7"
        )
    assert len(done.stdout.splitlines()) == 2, done.stderr


def test_a_place_is_read_as_it_was_written() -> None:
    work = NodeWork("base", "", ("multinode",), "cpu", "a/12345", "n2", 1, "fe80::1")
    assert work.place is not None
    assert read_place(write_place(work.place)) == work.place == NodePlace(1, "fe80::1", 24690)
    assert replace(work, leader="").place is None


def test_jobs_have_ports_of_their_own_that_clients_do_not_get() -> None:
    firsts = [choose_port(number) for number in range(5000)]
    assert len({*firsts}) == 5000
    assert (min(firsts), max(firsts)) == (20_000, 29_998)
    assert (name_result("a/7", 0), name_result("a/7", 1)) == ("a/7", "a.1/7")


def test_a_port_that_is_taken_is_a_fault_of_the_machine() -> None:
    port = choose_port(os.getpid())  # one that no client on this machine is given
    with socket.create_server(("", port + 1)):
        with refused(EnvironmentFailed, f"port {port + 1} of this node cannot be used"):
            require_free_ports(NodePlace(0, "here", port))
        require_free_ports(NodePlace(1, "here", port))


@pytest.mark.parametrize("state", ["FAILED", "NODE_FAIL"])
def test_no_node_is_avoided_after_a_fault_on_one_of_two(state: str) -> None:
    watch = JobWatch(CLUSTER)
    watch.begin(JOB, [SlurmJob(7, "RUNNING", "n[1-2]", JOB.name)])
    ended = SlurmJob(7, state, "n[1-2]", JOB.name)
    assert watch.may_retry(JOB, ended, CollectedResult(None, "gone"))
    assert not watch._watched[JOB.name].avoided


def of_node(job: str, verdict: Verdict = Verdict.PASS) -> ValidationRecord:
    record = validation_record(
        build_record(), suite("preflight"), suite("multinode", verdict, "planted"), verdict=verdict
    )
    return replace(record, jobs=(job,))


def test_the_first_node_joins_what_the_other_signed(
    line: Line, run: ReleaseRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = line.prepare("v2.6.0", gpus=None)
    signer = run.signing_context.evidence_signer
    other = replace(of_node("a.1/7", Verdict.FAIL), digest=build.digest)
    monkeypatch.setattr(cluster_peers, "POLL_S", 0.1)
    # it comes while the first one waits
    later = threading.Timer(0.5, lambda: signer.attest_part(build, other))
    later.start()
    whole = join_others(run, build, ONLY, of_node("a/7"))
    assert whole.verdict is Verdict.FAIL
    assert whole.jobs == ("a/7",)
    assert not list_job_results(run.registry, build, run.signing_context.trusted, "a")


def test_a_node_that_leaves_nothing_is_infra(
    line: Line, run: ReleaseRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = line.prepare("v2.6.0", gpus=None)
    monkeypatch.setattr(cluster_peers, "PART_S", 0.0)
    old = replace(of_node("a.1/6"), digest=build.digest)
    run.signing_context.evidence_signer.attest_part(build, old)
    whole = join_others(run, build, ONLY, of_node("a/7"))
    assert whole.verdict is Verdict.INFRA
    assert whole.reason.startswith(f"{OTHER_NODE}: the other node left no result within 0 s")
