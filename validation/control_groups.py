"""Control groups of processes.

Their names hold the engine's id of the container that a process belongs to.
"""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")


def read_control_group(pid: int) -> str:
    """Return the text of /proc/PID/cgroup; empty if this machine does not show the process.

    It has ended, or the number is one of another process namespace: that of a virtual machine or an
    outer container.
    """
    try:
        return (PROC / str(pid) / "cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
