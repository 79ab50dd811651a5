"""Keep the memory of this process to itself: it holds keys, passwords and tokens."""

from __future__ import annotations

import contextlib
import ctypes
import resource

_PR_SET_DUMPABLE = 4
"""A number of linux/prctl.h."""
_NO_DUMP_BYTES = 1
"""The limit at which the kernel writes no core file and starts no program that takes one.

0 would let it start such a program (fs/coredump.c of Linux).
"""


def forbid_dumps() -> None:
    """Let no core dump be made of this process, and let no other program of this user read it.

    A core dump would lie in the current folder, or with a program of the system. The programs that
    are started here make none either: some hold a password. Root can still read everything. If
    the system cannot do it, nothing is changed.
    """
    with contextlib.suppress(OSError, ValueError):
        most = resource.getrlimit(resource.RLIMIT_CORE)[1]
        least = 0 if most == 0 else _NO_DUMP_BYTES
        resource.setrlimit(resource.RLIMIT_CORE, (least, most))
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
