"""A real Slurm with two nodes on this machine: own folder, own ports, no account but root's.

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
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 Feature=one
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 Feature=two
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=60 State=UP
"""


def missing_programs() -> str:
    """Return why no Slurm can be started here; empty if one can."""
    lacking = [name for name in DAEMONS if shutil.which(name) is None]
    if lacking:
        return f"`{lacking[0]}` is not installed (Debian: slurm-wlm)"
    return "" if os.geteuid() == 0 else "slurmd needs root"


@dataclass
class SlurmCluster:
    """Two nodes and their controller, by `folder`/slurm.conf."""

    folder: Path
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
        """Return when both nodes can take a job."""
        wait_until(lambda: self.ask("sinfo", "-hN", "-o%T").split() == ["idle", "idle"], 30)

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
def started_slurm(folder: Path, changes: Iterable[tuple[str, str]] = ()) -> Iterator[SlurmCluster]:
    """A Slurm in `folder`; stopped afterwards, with its jobs. `changes` are of CONFIG."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    (folder / "state").mkdir(parents=True)
    text = CONFIG
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    cluster = SlurmCluster(folder)
    host = socket.gethostname().partition(".")[0]
    cluster.config.write_text(text.format(folder=folder, ports=ports, host=host))
    try:
        for name in ("slurmctld", *NODES):
            cluster.start(name)
        cluster.await_nodes()
        yield cluster
    finally:
        cluster.stop()
