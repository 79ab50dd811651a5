"""Control groups of processes.

Their names hold the engine's id of the container that a process belongs to.
"""

from __future__ import annotations

from pathlib import Path

from runner.untrusted import Malformed, read_own_file

PROC = Path("/proc")
_MAX_BYTES = 1 << 20


def read_control_group(pid: int) -> str:
    """Return the text of /proc/PID/cgroup; empty if this machine does not show the process.

    It has ended, or the number is one of another process namespace: that of a virtual machine or an
    outer container.
    """
    try:
        text = read_own_file(PROC / str(pid) / "cgroup", _MAX_BYTES)
    except (OSError, Malformed):
        return ""
    return text.decode(errors="replace")
