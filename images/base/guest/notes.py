"""Prints what of this container is not as it should be for training: shared memory, GPUs, driver.

The entry point runs it if a person is at the terminal. It prints a line for each fault, and nothing
if there is none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

ENOUGH_BYTES = 1 << 30
"""Shared memory for a few workers with batches of images."""

NO_GPU_WANTED = ("", "none", "void")
_GPU = re.compile(r"nvidia\d+|dxg")
_VERSION = re.compile(r"\s(\d+)\.\d+(?:\.\d+)?\s")
_FLOOR = re.compile(r"driver>=(\d+)")


def find_faults(root: Path, shared_bytes: int, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each fault. `root` has the folders `dev` and `proc`."""
    if shared_bytes < ENOUGH_BYTES:
        yield (
            f"/dev/shm has {shared_bytes >> 20} MB, and workers of a DataLoader need more: "
            "start the container with --shm-size=8g"
        )
    if environ.get("NVIDIA_VISIBLE_DEVICES", "all") in NO_GPU_WANTED:
        return
    has_gpu = any(_GPU.fullmatch(each) for each in os.listdir(root / "dev"))
    driver, floor = read_driver(root), _FLOOR.search(environ.get("NVIDIA_REQUIRE_CUDA", ""))
    if not has_gpu:
        yield "no GPU is in this container: start it with --gpus all, or torch computes on the CPU"
    elif driver and floor and driver < int(floor[1]):
        yield f"the driver is {driver}, and this CUDA needs {floor[1]} or later: update the driver"


def read_driver(root: Path) -> int:
    """Return the major version of NVIDIA's driver; 0 if it is not known."""
    try:
        found = _VERSION.search((root / "proc/driver/nvidia/version").read_text(errors="replace"))
    except OSError:
        return 0
    return int(found[1]) if found else 0


def size_of(folder: str) -> int:
    """Return the size of the file system of a folder in bytes; 0 if there is none."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return 0
    return found.f_blocks * found.f_frsize


if __name__ == "__main__":
    for fault in find_faults(Path("/"), size_of("/dev/shm"), os.environ):
        print(f"note: {fault}")
