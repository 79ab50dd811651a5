"""Names of processes, by which a later run knows what a killed one left behind."""

from __future__ import annotations

import socket
from pathlib import Path


def current_owner() -> str:
    """Return a name of this process: host, process id, and when it started.

    Process ids are used again.
    """
    pid = Path("/proc/self").resolve().name
    return f"{_host_name()}_{pid}_{_read_start_time(pid)}"


def _host_name() -> str:
    return socket.gethostname().replace("-", "").replace("_", "")


def is_alive(owner: str) -> bool:
    """Return whether the process of that name runs; True for one of another host."""
    host, pid, started = [*owner.split("_"), "", ""][:3]
    return host != _host_name() or _read_start_time(pid) == started


def _read_start_time(pid: str) -> str:
    """Return field 22 of /proc/PID/stat: when the process was started.

    It is counted behind the command, which may hold spaces and brackets.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()[19]
    except OSError:
        return "ended"
