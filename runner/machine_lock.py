"""Locks of the whole machine, on folders that the kernel has for its devices.

Every user, checkout and shared folder of a machine finds the same folder. Nobody can make, replace
or remove it, nothing is written to it, and the lock ends with its process, however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from runner import progress
from runner.errors import EnvironmentFailed
from runner.owner import describe_process
from runner.untrusted import Malformed, read_own_file

POLL_S = 1.0

_LOCKS = Path("/proc/locks")
_MAX_BYTES = 16 << 20


@contextlib.contextmanager
def hold_device(folder: Path, device: str, deadline: float) -> Iterator[None]:
    """Hold the lock (flock(2)) on the folder of a device, which messages call `device`.

    While another run holds it, it waits until `deadline`, a time of time.monotonic(), and says for
    which process. Then it raises EnvironmentFailed.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise EnvironmentFailed(
            f"{device} cannot be leased: {folder}: {error.strerror}",
            "see that /sys is mounted and that this account may read it",
        ) from None
    try:
        _wait_for_lock(handle, device, deadline)
        yield
    finally:
        os.close(handle)


def _wait_for_lock(handle: int, device: str, deadline: float) -> None:
    is_told = False
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        holder = _describe_holder(handle)
        if time.monotonic() > deadline:
            raise EnvironmentFailed(
                f"{device} is still leased by {holder}",
                "wait for that run to end, or end it, then run the same command again",
            )
        if not is_told:
            progress.say_line(f"  waiting for {device}: it is leased by {holder}")
            is_told = True
        time.sleep(POLL_S)


def _describe_holder(handle: int) -> str:
    """Return which process holds the lock on an open folder, as far as the kernel shows it."""
    found = os.fstat(handle)
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with contextlib.suppress(OSError, Malformed):
        for line in read_own_file(_LOCKS, _MAX_BYTES).decode().splitlines():
            words = line.split()  # "1: FLOCK  ADVISORY  WRITE 1234 00:17:5678 0 EOF"
            if words[1:2] == ["FLOCK"] and words[5:6] == [place]:
                return describe_process(int(words[4]))
    return "another run"
