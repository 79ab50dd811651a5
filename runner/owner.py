"""Names of processes, by which a later run knows what a killed one left behind."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import socket
from pathlib import Path

from runner.untrusted import Malformed, clean_line, read_own_file

_PROC = Path("/proc")
_FIRST_NAMESPACE = 0xEFFFFFFC
"""PROC_PID_INIT_INO of linux/proc_ns.h: the number of the namespace of a machine's processes."""
_MAX_BYTES = 1 << 16
_PID = re.compile(r"[0-9]{1,10}")


def current_owner() -> str:
    """Return a name of this process: host, process id, and when it started.

    Process ids are used again.
    """
    pid = Path("/proc/self").resolve().name
    return f"{_host_name()}_{pid}_{_read_start_time(pid)}"


def _host_name() -> str:
    """Return a name of what counts processes: this machine, or a container that has its name."""
    name = socket.gethostname().replace("-", "").replace("_", "")
    namespace = (_PROC / "self/ns/pid").stat().st_ino
    return name if namespace == _FIRST_NAMESPACE else f"{name}.{namespace}"


def is_alive(owner: str) -> bool:
    """Return whether the process of that name runs; True for one of another host.

    A name that `current_owner` does not make says of no process that it ended, so it is True too.
    So it is for the process of another user whose start this user may not read.
    """
    host, pid, started = [*owner.split("_"), "", ""][:3]
    if host != _host_name() or not _PID.fullmatch(pid):
        return True
    found = _read_start_time(pid)
    return found == started or (found == _ENDED and _is_hidden(pid))


_ENDED = "ended"


def _read_start_time(pid: str) -> str:
    """Return field 22 of /proc/PID/stat: when the process was started.

    It is counted behind the command, which may hold spaces and brackets.
    """
    try:
        return (_PROC / pid / "stat").read_text(encoding="utf-8").rpartition(") ")[2].split()[19]
    except OSError:
        return _ENDED


def _is_hidden(pid: str) -> bool:
    """Return whether there is such a process that /proc does not show (its option `hidepid`)."""
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (OSError, OverflowError, ValueError):
        return False
    return True


def describe_process(pid: int, *, with_user: bool = True) -> str:
    """Return a process in words: its program, and its user, as far as this machine shows them.

    The name of a user is for the terminal, not for a record that others read.
    """
    folder, known = _PROC / str(pid), []
    with contextlib.suppress(OSError, Malformed):
        name = read_own_file(folder / "comm", _MAX_BYTES).decode(errors="replace")
        known.append(clean_line(name, 40))
        with contextlib.suppress(KeyError):
            user = pwd.getpwuid(folder.stat().st_uid).pw_name
            known += [f"of user {clean_line(user, 40)}"] if with_user else []
    return f"process {pid} ({' '.join(known)})" if known else f"process {pid}"
