"""Slurm's commands against a real Slurm of two nodes, and words that nobody sane would write."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner import slurm
from runner.errors import EnvironmentFailed
from tests.fakes.refusal import refused
from tests.fakes.slurm import SlurmCluster, wait_until

pytestmark = pytest.mark.long
SLEEP = "#!/bin/sh\nexec sleep 60\n"
QUIET = ("--output=/dev/null", "--export=NONE", "--no-requeue", "--exclusive")


@pytest.fixture
def cluster(running: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> SlurmCluster:
    monkeypatch.setenv("SLURM_CONF", str(running.config))
    return running


def find_job(number: int) -> slurm.SlurmJob:
    return next(job for job in slurm.list_jobs() if job.number == number)


def test_a_job_is_sent_marked_and_cancelled(cluster: SlurmCluster) -> None:
    number = slurm.submit_job(["--job-name=a-1", *QUIET, "--constraint=two"], SLEEP)
    wait_until(lambda: find_job(number).state == "RUNNING", 10)
    assert slurm.mark_job(number, "12|COMPLETED|n1|x\n::error::\x1b[31m")
    found = find_job(number)
    assert (found.name, found.node, found.has_ended) == ("a-1", "n2", False)
    assert found.comment.startswith("12|COMPLETED|n1|x") and "\x1b" not in found.comment
    assert slurm.cancel_jobs([number])
    wait_until(lambda: find_job(number).has_ended, 10)
    assert find_job(number).state == "CANCELLED"
    assert slurm.find_accounted_job(number) is None  # this Slurm keeps no accounts


def test_every_user_reads_a_comment_so_it_has_no_secret(
    cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "He1p&er<S3cret>/x")
    number = slurm.submit_job(["--job-name=a-2", *QUIET, "--hold"], SLEEP)
    assert slurm.mark_job(number, "failed: the registry answered 403 bot:He1p&er<S3cret>/x")
    assert find_job(number).comment == "failed: the registry answered 403 bot:***"
    assert slurm.mark_job(number, f"failed: {'x ' * 90}He1p\\u0026er\\u003cS3cret\\u003e/x")
    assert "He1p" not in find_job(number).comment
    assert slurm.cancel_jobs([number])


def test_the_queue_is_in_its_order(cluster: SlurmCluster) -> None:
    numbers = [
        slurm.submit_job([*QUIET, "--constraint=one", "--job-name=sbatch"], SLEEP) for _ in range(3)
    ]
    wait_until(lambda: find_job(numbers[0]).state == "RUNNING", 10)
    assert slurm.list_queue() == tuple(numbers[1:])
    assert slurm.cancel_waiting_job(numbers[2], "sbatch")
    assert not slurm.cancel_waiting_job(numbers[0], "sbatch")
    assert slurm.list_queue() == (numbers[1],)
    assert slurm.cancel_jobs(numbers[:2])
    wait_until(lambda: find_job(numbers[0]).has_ended, 10)
    assert not slurm.cancel_waiting_job(numbers[0], "sbatch")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--constraint=h100", "Invalid feature specification"),
        ("--partition=nowhere", "Invalid partition name"),
        ("--gres=gpu:1", "Invalid generic resource"),
        ("--exclude=n1,n2", "Requested node configuration is not available"),
    ],
)
def test_a_job_that_slurm_does_not_take_is_one_line(
    cluster: SlurmCluster, option: str, words: str
) -> None:
    with refused(slurm.JobRefused, f"Slurm refuses the job: {words}"):
        slurm.submit_job([*QUIET, option], SLEEP)


def test_a_controller_that_is_gone_is_another_error(
    cluster: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = cluster.config.read_text().replace("SlurmctldPort=", "SlurmctldPort=9 #")
    (tmp_path / "slurm.conf").write_text(f"{text}MessageTimeout=2\n")
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
    with refused(slurm.ControllerUnreachable, "squeue: "):
        slurm.list_jobs()


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose programs are found first."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def plant(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def test_a_line_of_another_form_is_no_job_of_ours(fake: Path) -> None:
    lines = ("1|RUNNING|n1|a|None|(null)", "2_1|RUNNING|n1|b|None|x", "x", "3|done|n1|c|None|y")
    plant(fake, "squeue", f"printf '%s\\n' {' '.join(map(repr, lines))}")
    assert slurm.list_jobs() == (slurm.SlurmJob(1, "RUNNING", "n1", "a", "None", ""),)


def test_an_account_tells_of_a_job_that_the_queue_forgot(fake: Path) -> None:
    plant(fake, "sacct", "echo '7|CANCELLED by 1000|n2|a-1'")
    assert slurm.find_accounted_job(7) == slurm.SlurmJob(7, "CANCELLED", "n2", "a-1")
    assert slurm.find_accounted_job(8) is None


def test_a_job_that_got_no_node_has_none(fake: Path) -> None:
    plant(fake, "sacct", "echo '7|FAILED|None assigned|a-1'")
    assert slurm.find_accounted_job(7) == slurm.SlurmJob(7, "FAILED", "", "a-1")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "echo 'sbatch: error: Batch job submission failed: Socket timed out' >&2; exit 1",
            "timed",
        ),
        ("echo welcome to the cluster", "exit code 0 without a word"),
    ],
)
def test_a_job_that_may_have_been_sent_is_not_refused(fake: Path, body: str, words: str) -> None:
    plant(fake, "sbatch", body)
    with refused(slurm.ControllerUnreachable, words):
        slurm.submit_job([], SLEEP)


def test_a_command_that_hangs_is_a_controller_that_is_gone(
    fake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm, "ANSWER_S", 0.3)
    for name in ("squeue", "sbatch", "sacct"):
        plant(fake, name, "exec sleep 30")
    with refused(slurm.ControllerUnreachable, "`squeue` did not finish"):
        slurm.list_jobs()
    with refused(slurm.ControllerUnreachable, "`sbatch` did not finish"):
        slurm.submit_job([], SLEEP)
    assert slurm.find_accounted_job(7) is None


def test_a_machine_without_slurm_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with refused(EnvironmentFailed, "`squeue` is not installed", "docs/cluster.md"):
        slurm.list_jobs()
