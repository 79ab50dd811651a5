"""A real Slurm on this machine, by default of two nodes: own folder and ports, only root's account.

Debian's packages `slurm-wlm` are needed, and nothing of the machine's own configuration is read.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

NODES = ("n1", "n2")
DAEMONS = ("slurmctld", "slurmd", "sbatch")
CONFIG = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
KillWait=5
SlurmdTimeout=5
SlurmctldTimeout=10
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
MinJobAge=600
MessageTimeout=2
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=60 PriorityTier=1 State=UP
PartitionName=urgent Nodes=ALL MaxTime=60 PriorityTier=9 State=UP
"""
"""Jobs of `urgent` take the place of those of `main`."""
NODE = "NodeName={} NodeHostname={} NodeAddr=127.0.0.1 Port={} CPUs=1 Feature={}"
NODE_MEGABYTES = 700
WITH_LIMITS = (
    ("proctrack/linuxproc", "proctrack/cgroup"),
    ("task/none", "task/cgroup"),
    ("CR_Core\n", "CR_Core_Memory\n"),
    (" CPUs=1 ", f" CPUs=1 RealMemory={NODE_MEGABYTES} "),
)
"""What is other in the configuration if Slurm limits the memory of jobs."""
CGROUPS = """
CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
ConstrainRAMSpace=yes
"""


def missing_programs() -> str:
    """Return why no Slurm can be started here; empty if one can."""
    lacking = [name for name in DAEMONS if shutil.which(name) is None]
    if lacking:
        return f"`{lacking[0]}` is not installed (Debian: slurm-wlm)"
    return "" if os.geteuid() == 0 else "slurmd needs root"


def find_limit_problem() -> str:
    """Return why Slurm cannot limit the memory of jobs here; empty if it can."""
    folder = Path("/sys/fs/cgroup/memory")
    return "" if os.access(folder, os.W_OK) else f"{folder} (cgroups v1) cannot be written here"


@dataclass
class SlurmCluster:
    """Some nodes and their controller, by `folder`/slurm.conf."""

    folder: Path
    nodes: tuple[str, ...] = NODES
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "slurm.conf"

    def start(self, name: str) -> None:
        """Start the controller (`slurmctld`) or a node."""
        words = ["slurmctld", "-D"] if name == "slurmctld" else ["slurmd", "-D", "-N", name]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.daemons[name] = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "SLURM_CONF": str(self.config)},
                start_new_session=True,
            )

    def end(self, name: str) -> None:
        """Let a daemon end in peace: it writes its state."""
        daemon = self.daemons.pop(name)
        daemon.terminate()
        daemon.wait(20)

    def kill(self, name: str) -> None:
        """Let a daemon vanish at once; of a node, all processes of its jobs too."""
        daemon = self.daemons.pop(name)
        if name != "slurmctld":
            for process in self.processes_of(name):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        daemon.kill()
        daemon.wait()

    def processes_of(self, node: str) -> list[int]:
        """Return the processes of jobs on a node, their daemons of Slurm first."""
        found = []
        for each in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                words = each.read_bytes().split(b"\0")
                is_ours = b"SLURM_CONF=" + str(self.config).encode() in words
                if is_ours and b"SLURMD_NODENAME=" + node.encode() in words:
                    found.append(int(each.parent.name))
        return found

    def ask(self, *words: str) -> str:
        """Return what a command of Slurm prints."""
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env={**os.environ, "SLURM_CONF": str(self.config)},
        )
        return done.stdout

    def await_nodes(self) -> None:
        """Return when every node can take a job."""
        idle = ["idle"] * len(self.nodes)
        wait_until(lambda: self.ask("sinfo", "-hN", "-pmain", "-o%T").split() == idle, 30)

    def stop(self) -> None:
        """Cancel all jobs, and end the daemons with all that they started."""
        self.ask("scancel", "--me")
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not self.ask("squeue", "-h").strip(), 15)
        for name in [*self.daemons]:
            daemon = self.daemons[name]
            daemon.terminate()
            try:
                daemon.wait(10)
                del self.daemons[name]
            except subprocess.TimeoutExpired:
                self.kill(name)


def wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    """Return when something is so; fail if it is not in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.1)


@contextlib.contextmanager
def started_slurm(
    folder: Path, nodes: tuple[str, ...] = NODES, changes: Iterable[tuple[str, str]] = ()
) -> Iterator[SlurmCluster]:
    """A Slurm in `folder`; stopped afterwards, with its jobs. `changes` are of its configuration.

    With WITH_LIMITS, a job that takes more than the NODE_MEGABYTES of its node is killed.
    """
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in ((), *nodes)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    (folder / "state").mkdir(parents=True)
    cluster = SlurmCluster(folder, nodes)
    host = socket.gethostname().partition(".")[0]
    features = (*("one", "two"), *nodes[2:])
    described = map(NODE.format, nodes, [host] * len(nodes), ports[1:], features)
    named = {"folder": folder, "ports": ports, "host": host, "nodes": "\n".join(described)}
    text = CONFIG.format(**named)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    cluster.config.write_text(text)
    (folder / "cgroup.conf").write_text(CGROUPS)
    try:
        for name in ("slurmctld", *nodes):
            cluster.start(name)
        cluster.await_nodes()
        yield cluster
    finally:
        cluster.stop()
