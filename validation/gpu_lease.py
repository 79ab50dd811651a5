"""Leases of GPUs: two runs on one machine never compute on the same GPU at the same time.

A lease is a lock (flock(2)) on the folder of the GPU in /sys. Every user, checkout, shared folder
and executor of a machine finds the same one. It belongs to the kernel: nobody can make, replace or
remove it, nothing is written to it, and the lock ends with its process, however that ends.
A container of a runner has a /sys of its own. Runs there are seen by the list of processes that the
driver keeps (`validation/preflight.py`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from runner import progress
from runner.errors import EnvironmentFailed
from runner.owner import describe_process
from runner.untrusted import Malformed, read_own_file
from validation.nvml import GpuAtRest

DEVICES = Path("/sys/bus/pci/devices")
WITHOUT_ADDRESS = Path("/sys/bus")
"""Stands for all GPUs that have no folder in DEVICES, such as those of a virtual machine by WSL."""
WAIT_S = 7200.0
"""How long a run waits for another one: every suite of an image with all its repeats is shorter."""
POLL_S = 1.0

_LOCKS = Path("/proc/locks")
_MAX_BYTES = 16 << 20


@contextlib.contextmanager
def lease_gpus(gpus: Iterable[GpuAtRest], wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold the lease of each of `gpus`; nothing is held if there are none.

    It waits at most `wait_s` seconds for other runs, and says for which. Then it raises
    EnvironmentFailed.
    """
    deadline = time.monotonic() + wait_s
    folders = {_folder_of(gpu): f"GPU {gpu.index} ({gpu.name})" for gpu in gpus}
    with contextlib.ExitStack() as held:
        for folder in sorted(folders):  # in one order, so that two runs never wait for each other
            try:
                handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            except OSError as error:
                raise EnvironmentFailed(
                    f"{folders[folder]} cannot be leased: {folder}: {error.strerror}",
                    "see that /sys is mounted and that this account may read it",
                ) from None
            held.callback(os.close, handle)
            _wait_for_lock(handle, folders[folder], deadline)
        yield


def _folder_of(gpu: GpuAtRest) -> Path:
    folder = DEVICES / gpu.address
    return folder if gpu.address and folder.is_dir() else WITHOUT_ADDRESS


def _wait_for_lock(handle: int, gpu: str, deadline: float) -> None:
    """Lock an open folder. Raises EnvironmentFailed if it is not free before `deadline`."""
    is_told = False
    while not _try_lock(handle):
        holder = _describe_holder(handle)
        if time.monotonic() > deadline:
            raise EnvironmentFailed(
                f"{gpu} is still leased by {holder}",
                "wait for that run to end, or end it, then run the same command again",
            )
        if not is_told:
            progress.say_line(f"  waiting for {gpu}: it is leased by {holder}")
            is_told = True
        time.sleep(POLL_S)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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
