"""Which test process computes on which GPU: each leases one by a file lock until it ends.

The lock says that a GPU is taken, not the number of the worker: xdist gives a replacement the next
number, and the process it replaces may have left children on the GPU. Forked children hold the lock
with their parent.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO

from .contract.layout import VISIBLE_GPUS

OF_THE_IMAGE = "VALIDATION_CUDA_VISIBLE_DEVICES"
"""The value of VISIBLE_GPUS in the image, empty if it has none: a lease overwrites VISIBLE_GPUS."""

_POLL_S = 0.1
_held: list[IO[str]] = []


def take_gpu(folder: Path, gpus: int, wait_s: float = 60) -> int:
    """Lease the first of `gpus` GPUs that is free, and return its number.

    The others are hidden from CUDA, unless it is initialised already. It waits at most `wait_s`
    seconds, then raises TimeoutError.
    """
    folder.mkdir(exist_ok=True)
    deadline = time.monotonic() + wait_s
    while (
        taken := next((gpu for gpu in range(gpus) if _try_lock(folder / f"gpu{gpu}")), None)
    ) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"none of {gpus} GPUs became free within {wait_s:.0f} s: ended tests left processes"
            )
        time.sleep(_POLL_S)
    os.environ.setdefault(OF_THE_IMAGE, os.environ.get(VISIBLE_GPUS, ""))
    os.environ[VISIBLE_GPUS] = str(taken)
    return taken


def _try_lock(path: Path) -> bool:
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    _held.append(file)
    return True
