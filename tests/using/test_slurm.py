"""The snippets for Slurm, submitted unchanged to a real Slurm of two nodes that run a real image.

Apptainer is in no archive that the tests can reach. So a stand-in takes its command line, and the
engine runs the container as Apptainer would: network and processes of the host, and the folder.
It starts two processes where the page says one for each GPU, since the nodes have GPUs in Slurm's
configuration only.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner import engine, pull
from tests.clients.containers import docker
from tests.fakes.slurm import NODES, SlurmCluster, missing_programs, started_slurm, wait_until
from tests.using.snippets import IMAGE, Snippet, snippets_of

APPTAINER = """#!{python}
import argparse, os, socket
parser = argparse.ArgumentParser()
parser.add_argument("action", choices=["exec"])
parser.add_argument("--nv", action="store_true", required=True)
parser.add_argument("--bind", required=True)
parser.add_argument("--pwd", required=True)
parser.add_argument("image")
parser.add_argument("command", nargs=argparse.REMAINDER)
given = parser.parse_args()
hosts = [f"--add-host={{node}}:127.0.0.1" for node in [*{nodes}, socket.gethostname()]]
place = ["--network=host", "--pid=host", "--shm-size=1g", "--label={label}"]
place += [f"--volume={{given.bind}}", f"--workdir={{given.pwd}}"]
command = [word.replace("=gpu", "=2") for word in given.command]
image = given.image.removeprefix("docker://")
os.execv({docker!r}, ["docker", "run", "--rm", *hosts, *place, image, *command])
"""
GPU_NODES = (
    ("CPUs=1", "CPUs=16 RealMemory=65536 Gres=gpu:4"),
    ("MaxTime=60", "MaxTime=INFINITE"),
    ("MinJobAge", "GresTypes=gpu\nSlurmdParameters=config_overrides\nMinJobAge"),
)


@pytest.fixture
def gpu_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmCluster]:
    """A Slurm whose nodes have what the page asks for, and the stand-in."""
    if lacking := missing_programs():
        pytest.skip(f"NOT RUN (slurm): {lacking}")
    stand_in, label = tmp_path / "bin" / "apptainer", f"slurm={tmp_path}"
    stand_in.parent.mkdir()
    stand_in.write_text(
        APPTAINER.format(
            python=sys.executable, nodes=NODES, docker=engine.docker_program(), label=label
        )
    )
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stand_in.parent}:{os.environ['PATH']}")
    folder = tmp_path / "slurm"
    folder.mkdir()
    for number in range(4):
        os.mknod(folder / f"gpu{number}", stat.S_IFCHR, os.makedev(1, 3))
    (folder / "gres.conf").write_text(f"AutoDetect=off\nName=gpu File={folder}/gpu[0-3]\n")
    with started_slurm(folder, changes=GPU_NODES) as cluster:
        yield cluster
    left = docker("ps", "--all", "--quiet", f"--filter=label={label}").split()
    if left:
        docker("rm", "--force", *left)


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("snippet", snippets_of("slurm"), ids=str)
def test_job_trains(
    snippet: Snippet,
    gpu_nodes: SlurmCluster,
    base_image: str,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pull.pull_image(base_image)
    script, log = workspace / "job.sh", workspace / "log"
    script.write_text(snippet.text.replace(IMAGE, base_image))
    monkeypatch.chdir(workspace)
    number = gpu_nodes.ask("sbatch", "--parsable", "--output=log", script.name).strip()
    assert number, "sbatch refused the script"
    wait_until(lambda: not gpu_nodes.ask("squeue", "-h").strip(), 600)
    ended = gpu_nodes.ask("scontrol", "show", "job", "-o", number)
    assert "JobState=COMPLETED" in ended, (ended, log.read_text())
    assert log.read_text().count("step 200 on cpu, loss") == 1, "one process prints for all"
    assert (workspace / "checkpoint.pt").stat().st_size > 0
