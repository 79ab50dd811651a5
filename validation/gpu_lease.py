"""Leases of GPUs: two runs on one machine never compute on the same GPU at the same time.

A lease is a lock on the folder of the GPU in /sys (`runner/machine_lock.py`). A container of a
runner has a /sys of its own. Runs there are seen by the list of processes that the driver keeps
(`validation/preflight.py`).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from runner.machine_lock import hold_device
from validation.nvml import GpuAtRest

DEVICES = Path("/sys/bus/pci/devices")
WITHOUT_ADDRESS = Path("/sys/bus")
"""Stands for all GPUs that have no folder in DEVICES, such as those of a virtual machine by WSL."""
WAIT_S = 7200.0
"""How long a run waits for another one, which has the GPUs for one image at a time.

The time limits of all suites together are 5,700 s: the sum of `timeout_s` in `suite.py`.
"""


@contextlib.contextmanager
def lease_gpus(gpus: Iterable[GpuAtRest], wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold the lease of each of `gpus`; nothing is held if there are none.

    It waits at most `wait_s` seconds for other runs, and says for which. Then it raises
    EnvironmentFailed.
    """
    deadline = time.monotonic() + wait_s
    folders: dict[Path, str] = {}
    for gpu in gpus:
        folder = DEVICES / gpu.address
        is_known = bool(gpu.address) and folder.is_dir()
        folders[folder if is_known else WITHOUT_ADDRESS] = f"GPU {gpu.index} ({gpu.name})"
    with contextlib.ExitStack() as held:
        for folder in sorted(folders):  # in one order, so that two runs never wait for each other
            held.enter_context(hold_device(folder, folders[folder], deadline))
        yield
