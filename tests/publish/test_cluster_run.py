"""Jobs on a real Slurm of two nodes: results add up, and every fault is a verdict of its kind.

The ends of the jobs are planted (tests/fakes/node_job.py): no suite runs here.
"""

from __future__ import annotations

import datetime
import json
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from images import plan as planning
from publish import cluster_run
from publish.cluster_jobs import ClusterJob, plan_jobs
from publish.cluster_results import find_standing_result
from publish.cluster_run import ClusterRequest, validate_on_cluster
from publish.evidence import keys
from publish.evidence import store as evidence
from publish.evidence.job_results import list_job_results
from publish.evidence.predicates import (
    PROVENANCE,
    TEST_PART,
    TEST_RESULT,
    list_artifacts,
    test_result,
)
from publish.pipeline import ReleaseRun, StageOptions
from runner import records, settings, slurm
from runner.errors import ConfigError
from runner.verdict import Verdict
from tests.fakes.node_job import make_checkout
from tests.fakes.refusal import refused
from tests.fakes.slurm import NODES, SlurmCluster, find_limit_problem, wait_until
from tests.publish.line import Line
from tests.publish.signed import H200, P256, STRANGER, plant, public_pem, suite, validation_record
from tests.publish.stage_records import STAGING
from validation.cluster import load_cluster
from validation.record import ValidationRecord
from validation.run import hash_inputs, plan_gpus
from validation.suite import list_suites

pytestmark = pytest.mark.long
WHOLE, TWO = "{}", "{first: [ddp]}"
KEEP, CANCEL = ClusterRequest(if_interrupted="keep"), ClusterRequest(if_interrupted="cancel")


def pem(key: keys.PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@dataclass
class Bench:
    """A release of one image, a Slurm, and jobs with planted ends."""

    run: ReleaseRun
    slurm: SlurmCluster
    folder: Path
    settings: dict[str, str]

    def plan(
        self, *ends: str, groups: str = WHOLE, seconds: float = 0, **of_suites: Sequence[str]
    ) -> None:
        """Plan how the attempts of each job end; `of_suites` names suites with `_` between."""
        named = {name.replace("_", ","): [*given] for name, given in of_suites.items()}
        content = {
            **self.settings,
            "ends": {"*": [*ends], **named},
            "seconds": seconds,
            "is_whole": groups == WHOLE,
        }
        (self.folder / "plan.json").write_text(json.dumps(content))
        self.describe_cluster(groups=groups)

    def describe_cluster(self, *, groups: str = WHOLE, more: str = "") -> None:
        (self.folder / "cluster.yaml").write_text(
            f"models: {{cpu: {{device: cpu, minutes: 1{more}}}}}\n"
            f"checkout: {self.folder / 'checkout'}\ngroups: {groups}\n"
        )

    def validate(self, request: ClusterRequest = KEEP) -> ValidationRecord:
        (record,) = validate_on_cluster(self.run, request)
        return record

    @property
    def attempts(self) -> list[str]:
        """The nodes of all attempts, in their order."""
        path = self.folder / "attempts"
        return [line.split()[1] for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def bench(
    line: Line, running: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    build = line.prepare("v2.6.0", gpus=None)
    manifest = line.registry.read_manifest(STAGING, build.digest)
    assert manifest is not None
    line.registry.put_manifest(STAGING, "v2.6.0", manifest)
    folder = tmp_path / "nodes"
    make_checkout(folder)
    (folder / "node.key").write_text(pem(P256))
    (folder / "node.key").chmod(0o600)
    monkeypatch.setenv("SLURM_CONF", str(running.config))
    monkeypatch.setenv(settings.CLUSTER, str(folder / "cluster.yaml"))
    monkeypatch.setenv(settings.REGISTRY, line.registry.host)
    monkeypatch.setenv(keys.SIGNING_KEY, pem(P256))
    monkeypatch.setenv(keys.TRUSTED_KEYS, public_pem(P256))
    monkeypatch.setattr(cluster_run, "POLL_S", 0.3)
    number = line.catalog.require_version("v2.6.0")
    plan = planning.make_plan(line.catalog, number, ["base"], tmp_path / "out")
    run = ReleaseRun(
        line.catalog, number, plan, line.registry, tmp_path / "out", StageOptions(), "./release.py"
    )
    target = run.make_validation_target("base", build.digest, "")
    known = {
        "key": hash_inputs(target, plan_gpus(target.expected, 0)),
        "build": records.to_json(build),
        "registry": line.registry.host,
        "key_file": str(folder / "node.key"),
    }
    yield Bench(run, running, folder, known)
    assert not running.ask("squeue", "-h", "-o%i %T").strip(), "a job was left behind"


@dataclass(frozen=True)
class Interrupting:
    """The module `time` of a run that is interrupted while it waits."""

    sleep: Callable[[float], None]
    monotonic: Callable[[], float] = time.monotonic


def verdicts(record: ValidationRecord) -> Mapping[str, Verdict]:
    return {suite.suite: suite.verdict for suite in record.suites}


def test_parts_of_several_jobs_are_one_signed_result(bench: Bench) -> None:
    bench.plan("pass", groups=TWO)
    record = bench.validate()
    assert record.verdict is Verdict.PASS, record.reason
    assert set(bench.attempts) == set(NODES)
    assert {suite.node for suite in record.suites} == set(NODES)
    assert len(record.jobs) == 2
    (build,) = bench.run.record_store.read_builds()
    trusted = bench.run.signing_context.trusted
    found = evidence.read_evidence(bench.run.registry, build.repository, build.digest, trusted)
    parts = {each.artifact for each in found if each.predicate_type == TEST_PART}
    (whole,) = (each.statement for each in found if each.predicate_type == TEST_RESULT)
    assert whole is not None and parts < set(list_artifacts(whole))
    claim = test_result.read_test_result(whole)
    assert (claim.verdict, claim.jobs) == (Verdict.PASS, record.jobs)


def test_a_copy_of_signed_evidence_under_the_name_of_a_part_stops_nothing(bench: Bench) -> None:
    bench.plan("pass")
    registry, (build,) = bench.run.registry, bench.run.record_store.read_builds()
    subject = registry.read_manifest(STAGING, build.digest)
    assert subject is not None
    trusted = bench.run.signing_context.trusted
    (signed,) = evidence.read_evidence(registry, STAGING, build.digest, trusted, PROVENANCE)
    copied = registry.read_manifest(STAGING, signed.artifact)
    assert copied is not None
    blob = copied.parse_blobs()[-1]
    data = registry.read_blob(STAGING, blob.digest, blob.size)
    plant(registry, STAGING, subject.descriptor, data, TEST_PART)
    assert bench.validate().verdict is Verdict.PASS


@pytest.mark.thorough
def test_what_stands_is_not_run_again(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.plan("pass")
    first = bench.validate()
    assert bench.validate() == first
    assert len(bench.attempts) == 1
    assert "base cpu: pass; not run again" in capsys.readouterr().err


@pytest.mark.thorough
def test_a_failure_of_the_image_is_not_sent_again_but_by_the_next_command(bench: Bench) -> None:
    bench.plan("fail", "pass")
    assert bench.validate().verdict is Verdict.FAIL
    assert len(bench.attempts) == 1
    assert bench.validate().verdict is Verdict.PASS
    assert len(bench.attempts) == 2


@pytest.mark.thorough
@pytest.mark.parametrize("end", ["infra", "broken", "nothing"])
def test_a_fault_of_a_machine_is_tried_on_another_node(
    bench: Bench, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.plan(end, "pass")
    assert bench.validate().verdict is Verdict.PASS
    assert sorted(bench.attempts) == list(NODES)
    reason = {"infra": "planted", "broken": "no engine here", "nothing": "without a result"}[end]
    assert f"{reason}" in capsys.readouterr().err


@pytest.mark.thorough
def test_no_result_is_never_a_pass_and_nothing_is_signed(bench: Bench) -> None:
    bench.plan("nothing", groups=TWO, ddp=["pass"])
    record = bench.validate()
    assert record.verdict is Verdict.INFRA
    assert verdicts(record)["ddp"] is Verdict.PASS
    assert verdicts(record)["compute"] is Verdict.NOT_RUN
    (build,) = bench.run.record_store.read_builds()
    trusted = bench.run.signing_context.trusted
    found = evidence.read_evidence(bench.run.registry, STAGING, build.digest, trusted, TEST_RESULT)
    assert not found


@pytest.mark.thorough
def test_a_result_of_a_key_that_nobody_trusts_does_not_count(bench: Bench) -> None:
    (bench.folder / "node.key").write_text(pem(STRANGER))
    bench.plan("pass")
    record = bench.validate()
    assert record.verdict is Verdict.INFRA
    assert "no trusted key signed: trust the key of the node" in record.reason


def only_job(bench: Bench) -> ClusterJob:
    """The job of a plan that has one."""
    builds = {build.image: build for build in bench.run.record_store.read_builds()}
    (job,) = plan_jobs(bench.run, load_cluster(), ["cpu"], builds)
    return job


def test_a_failure_counts_though_the_job_passed_before(bench: Bench) -> None:
    bench.plan("pass")
    job = only_job(bench)
    assert job.build is not None
    signer = bench.run.signing_context.evidence_signer
    for number, verdict in enumerate((Verdict.PASS, Verdict.FAIL, Verdict.INFRA)):
        day = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=number - 9)
        suites = [suite(each.name, verdict) for each in job.subject.suites]
        record = validation_record(job.build, *suites, verdict=verdict, gpus=())
        started = day.isoformat(timespec="seconds")
        jobs = (f"{job.name}/{number + 1}",)
        record = replace(record, key=bench.settings["key"], started_at=started, jobs=jobs)
        signer.attest_part(job.build, record)
        found = find_standing_result(bench.run, job, ())
        assert (found is not None) == (verdict is Verdict.PASS)


def test_a_failure_without_a_job_counts_too(bench: Bench) -> None:
    bench.plan("pass")
    job = only_job(bench)
    assert bench.validate().verdict is Verdict.PASS
    assert job.build is not None and find_standing_result(bench.run, job, ())
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=2)
    started = later.isoformat(timespec="seconds")
    failed = suite("ddp", Verdict.FAIL, "planted")
    record = validation_record(job.build, failed, verdict=Verdict.FAIL, gpus=())
    for gpus in ((H200,), ()):
        where = validation_record(job.build, gpus=gpus).environment
        record = replace(record, started_at=started, environment=where)
        bench.run.signing_context.evidence_signer.attest_tests(job.build, record)
        found = find_standing_result(bench.run, job, ())
        assert (found is not None) == bool(gpus)


def test_a_job_that_slurm_forgets_at_once_is_collected(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "squeue").write_text('#!/bin/sh\n/usr/bin/squeue "$@" | grep -v COMPLETED\n:\n')
    (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    bench.plan("pass")
    assert bench.validate().verdict is Verdict.PASS
    assert len(bench.attempts) == 1


@pytest.mark.thorough
def test_a_result_of_another_checkout_does_not_count(bench: Bench) -> None:
    bench.settings["key"] = "0" * 64
    bench.plan("pass")
    record = bench.validate()
    assert record.verdict is Verdict.INFRA
    assert "no node is left" in record.reason


def while_running(bench: Bench, act: Callable[[slurm.SlurmJob], object]) -> threading.Thread:
    """Do something as soon as a job of the run is at work."""

    def wait_and_act() -> None:
        wait_until(lambda: bool(bench.attempts), 60)
        act(next(job for job in slurm.list_jobs() if job.state == "RUNNING"))

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    return thread


@pytest.mark.thorough
def test_a_node_that_fails_in_mid_suite_is_left(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.plan("hang", "pass")
    down = ("scontrol", "update", "State=DOWN", "Reason=test")
    thread = while_running(bench, lambda job: bench.slurm.ask(*down, f"NodeName={job.node}"))
    try:
        assert bench.validate().verdict is Verdict.PASS
    finally:
        thread.join()
        bench.slurm.ask("scontrol", "update", "NodeName=n1,n2", "State=RESUME")
    assert sorted(bench.attempts) == list(NODES)
    assert "the node failed on " in capsys.readouterr().err
    bench.slurm.await_nodes()


@pytest.mark.thorough
def test_a_job_that_somebody_cancels_is_infra_and_not_sent_again(bench: Bench) -> None:
    bench.plan("hang")
    thread = while_running(bench, lambda job: slurm.cancel_jobs([job.number]))
    record = bench.validate()
    thread.join()
    assert (record.verdict, len(bench.attempts)) == (Verdict.INFRA, 1)
    assert "somebody cancelled it" in record.reason


@pytest.mark.thorough
def test_a_controller_that_is_gone_and_back_loses_nothing(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.plan("pass", seconds=4)

    def restart(_: slurm.SlurmJob) -> None:
        bench.slurm.end("slurmctld")
        threading.Event().wait(3)
        bench.slurm.start("slurmctld")

    thread = while_running(bench, restart)
    assert bench.validate().verdict is Verdict.PASS
    thread.join()
    assert len(bench.attempts) == 1
    assert "Slurm answers again" in capsys.readouterr().err


@pytest.mark.thorough
def test_three_faults_in_a_row_name_the_node(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.plan("broken", groups="{a: [ddp], b: [device], c: [compute], d: [guest]}")
    bench.describe_cluster(
        groups="{a: [ddp], b: [device], c: [compute], d: [guest]}", more=", constraint: one"
    )
    record = bench.validate()
    assert record.verdict is Verdict.INFRA
    # the next job may have started when the third one ended
    assert bench.attempts in (["n1"] * 3, ["n1"] * 4)
    assert "node n1 is avoided: 3 jobs in a row ended there" in capsys.readouterr().err


def test_a_feature_that_no_node_has_is_one_line_and_no_job(bench: Bench) -> None:
    bench.plan("pass")
    bench.describe_cluster(more=", constraint: h100")
    with refused(ConfigError, "Slurm refuses the job: Invalid feature specification"):
        bench.validate()
    assert not bench.attempts


@pytest.mark.thorough
def test_a_limit_that_the_partition_does_not_allow_is_refused(bench: Bench) -> None:
    bench.plan("pass")
    text = (bench.folder / "cluster.yaml").read_text()
    (bench.folder / "cluster.yaml").write_text(text.replace("minutes: 1", "minutes: 90"))
    with refused(ConfigError, "Slurm will never start job", "Partition"):
        bench.validate()


@pytest.mark.thorough
def test_an_interrupted_run_keeps_its_jobs_and_the_next_one_collects(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.plan("pass", seconds=3)

    def interrupt(_: float) -> None:
        wait_until(lambda: bool(bench.attempts), 60)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(cluster_run, "time", Interrupting(interrupt))
        with pytest.raises(KeyboardInterrupt):
            bench.validate()
    assert "1 job of this run go on in Slurm" in capsys.readouterr().err
    assert bench.validate().verdict is Verdict.PASS
    assert len(bench.attempts) == 1
    assert "of an earlier run is found again" in capsys.readouterr().err


def test_a_result_of_another_checkout_does_not_count_if_nobody_waited(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.settings["key"] = "0" * 64
    bench.plan("pass")
    leave_until_the_end(bench, monkeypatch)
    assert bench.validate().verdict is Verdict.INFRA


@pytest.mark.thorough
def test_what_failed_while_nobody_waited_is_collected_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.plan("fail", "pass")
    leave_until_the_end(bench, monkeypatch)
    assert bench.validate().verdict is Verdict.FAIL
    assert len(bench.attempts) == 1
    assert bench.validate().verdict is Verdict.PASS


def leave_until_the_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupt a run when its job has ended, before it looks."""

    def interrupt(_: float) -> None:
        wait_until(lambda: any(job.has_ended for job in ours()), 20)
        raise KeyboardInterrupt

    def ours() -> list[slurm.SlurmJob]:
        return [job for job in slurm.list_jobs() if job.name == name and bench.attempts]

    name = only_job(bench).name
    with monkeypatch.context() as patched:
        patched.setattr(cluster_run, "time", Interrupting(interrupt))
        with pytest.raises(KeyboardInterrupt):
            bench.validate()


def test_cancel_leaves_no_job(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.plan("hang")

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(cluster_run, "time", Interrupting(interrupt))
        with pytest.raises(KeyboardInterrupt):
            bench.validate(CANCEL)
    assert "1 job of this run cancelled" in capsys.readouterr().err
    wait_until(lambda: not bench.slurm.ask("squeue", "-h").strip(), 15)


def test_a_registry_that_nodes_cannot_reach_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.plan("pass")
    monkeypatch.delenv(settings.REGISTRY)
    with refused(ConfigError, "the nodes cannot reach the embedded registry"):
        bench.validate()


def test_a_job_that_gives_way_to_other_work_is_sent_again(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    """Slurm itself ends it: a job of a partition of higher priority takes its node."""
    bench.plan("hang", "pass")
    urgent = ("--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")
    thread = while_running(
        bench, lambda job: bench.slurm.ask("sbatch", f"--nodelist={job.node}", *urgent)
    )
    assert bench.validate().verdict is Verdict.PASS
    thread.join()
    assert len(bench.attempts) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "other work took its place" in said
    assert "it is sent again" in said


def test_a_job_that_takes_too_much_memory_is_infra(bench: Bench) -> None:
    """Another node would have no more: it is not sent again, and nothing is signed."""
    if problem := find_limit_problem():
        pytest.skip(f"NOT RUN (cgroups): {problem}")
    bench.plan("memory")
    record = bench.validate()
    assert (record.verdict, len(bench.attempts)) == (Verdict.INFRA, 1)
    assert "the node had too little memory for it" in record.reason


@pytest.mark.thorough
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("running", [tuple(f"n{n}" for n in range(1, 9))], indirect=True)
def test_of_many_jobs_none_is_lost_and_none_counts_twice(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """200 jobs through the queue of 8 nodes; one in ten is killed as soon as it begins."""
    suites = [suite.name for suite in list_suites(("base",))]
    groups = "{" + ", ".join(f"{name}: [{name}]" for name in suites) + "}"
    models = ", ".join(f"m{n}: {{device: cpu, minutes: 9}}" for n in range(200 // len(suites)))
    bench.plan("pass", groups=groups)
    text = (bench.folder / "cluster.yaml").read_text()
    (bench.folder / "cluster.yaml").write_text(re.sub(r"models: .*", f"models: {{{models}}}", text))
    cluster = load_cluster()
    builds = {each.image: each for each in bench.run.record_store.read_builds()}
    jobs = plan_jobs(bench.run, cluster, tuple(cluster.models), builds)
    killed = random.Random(1).sample([job.name for job in jobs], len(jobs) // 10)  # noqa: S311 - a draw of jobs
    plan = json.loads((bench.folder / "plan.json").read_text())
    (bench.folder / "plan.json").write_text(json.dumps({**plan, "killed": killed}))
    judged = validate_on_cluster(bench.run, KEEP)
    assert [record.verdict for record in judged] == [Verdict.PASS] * len(cluster.models)
    trusted = bench.run.signing_context.trusted
    results = [
        list_job_results(bench.run.registry, builds["base"], trusted, job.name) for job in jobs
    ]
    assert [len(each) for each in results] == [1] * len(jobs)
    assert len(bench.attempts) == len(jobs) + len(killed)
    assert capsys.readouterr().err.count("it is sent again") == len(killed)


@pytest.mark.thorough
def test_a_job_over_its_time_is_infra(bench: Bench) -> None:
    bench.plan("hang")
    record = bench.validate()
    assert (record.verdict, len(bench.attempts)) == (Verdict.INFRA, 1)
    assert "it did not end in its 1 minutes; raise `minutes`" in record.reason


@pytest.mark.thorough
def test_a_node_that_loses_its_power_is_left(bench: Bench) -> None:
    bench.plan("hang", "pass")
    thread = while_running(bench, lambda job: bench.slurm.kill(job.node))
    try:
        assert bench.validate().verdict is Verdict.PASS
    finally:
        thread.join()
        for node in NODES:
            if node not in bench.slurm.daemons:
                bench.slurm.start(node)
    bench.slurm.await_nodes()
    assert sorted(bench.attempts) == list(NODES)
