"""`torchrun` on each node, with the rendezvous `c10d` on the first one, as users start it."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..contract.node_place import NODES
from . import user_training
from .meeting import Meeting

LIMIT_S = 180.0
"""How long one start may take: it imports torch twice, and waits JOIN_S for the other node."""
JOIN_S = 120
PROGRAM = "torchrun"


@dataclass(frozen=True)
class LauncherExit:
    """How torchrun ended on this node; `code` is None if it was killed after LIMIT_S."""

    code: int | None
    last_line: str

    def __str__(self) -> str:
        how = f"did not end within {LIMIT_S:.0f} s" if self.code is None else f"exited {self.code}"
        return f"{PROGRAM} {how} and said `{self.last_line}`"


def run_torchrun(
    meeting: Meeting, name: str, backend: str, folder: Path, *, fails: bool = False
) -> LauncherExit:
    """Run the training of `user_training.py` with one rank on this node, into `folder`/result."""
    place = meeting.place
    host = f"[{place.leader}]" if ":" in place.leader else place.leader
    command = [
        *(PROGRAM, f"--nnodes={NODES}", "--nproc-per-node=1", "--max-restarts=0"),
        *("--rdzv-backend=c10d", f"--rdzv-endpoint={host}:{place.port + 1}", f"--rdzv-id={name}"),
        *(f"--rdzv-conf=join_timeout={JOIN_S}", f"--local-addr={_choose_address(meeting)}"),
        *(user_training.__file__, backend, str(folder / "result"), *(["fail"] if fails else [])),
    ]
    names = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
    own = dict.fromkeys(names, meeting.interface) if meeting.interface else {}
    with (folder / "output").open("w+b") as output:
        try:
            process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, "OMP_NUM_THREADS": "1", **own},
                start_new_session=True,
            )
        except OSError as error:
            return LauncherExit(127, str(error))
        try:
            code: int | None = process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        text = output.read().decode(errors="replace")
    print(text)  # pytest shows it if the check fails
    lines = [line for line in text.splitlines() if line.strip(" =-")]
    return LauncherExit(code, lines[-1].strip()[:160] if lines else "nothing")


def _choose_address(meeting: Meeting) -> str:
    """Return the address that this node tells the others.

    Nodes that are emulated on one machine get one each: torchrun takes two programs with the same
    address and process number for one, and in containers the numbers are often the same.
    """
    is_emulated = ipaddress.ip_address(meeting.address).is_loopback
    return f"127.0.0.{1 + meeting.place.rank}" if is_emulated else meeting.address
