"""The NVIDIA driver's libraries inside a container, and those that an image must not bring."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

LIBRARY = "libcuda.so"
NVML = "libnvidia-ml.so.1"

_PLACES = ("/usr", "/lib", "/lib64", "/opt")
_KERNEL_MODULE = Path("/proc/driver/nvidia/version")
_MOUNTS = Path("/proc/self/mountinfo")
_LOADER = Path("/etc/ld.so.conf.d")


def count_nvml_gpus() -> tuple[int, str]:
    """Return how many GPUs the driver manages according to NVML, and the error if there is one."""
    try:
        nvml = ctypes.CDLL(NVML)
    except OSError as error:
        return 0, str(error)
    count = ctypes.c_uint(0)
    refused = nvml.nvmlInit_v2() or nvml.nvmlDeviceGetCount_v2(ctypes.byref(count))
    return (0, f"NVML error {refused}") if refused else (count.value, "")


def libraries_of_the_image() -> list[Path]:
    """Return every libcuda of the image itself: of a compat package, or a stub the loader may find.

    Only the driver's libcuda belongs in a container. It is mounted, or it has the version of the
    kernel module.
    """
    try:
        found = re.search(r"\s(\d+(?:\.\d+)+)\s", _KERNEL_MODULE.read_text(encoding="utf-8"))
    except OSError:  # no kernel module is loaded
        found = None
    of_the_driver = f"{LIBRARY}.{found[1] if found else ''}"
    # The fifth field of a line is the mount point, see proc(5).
    points = (line.split()[4] for line in _MOUNTS.read_text(encoding="utf-8").splitlines())
    mounts = {Path(point) for point in points} - {Path("/")}
    return [
        path
        for path in sorted(set(_find_libraries()))
        if path.name != of_the_driver and mounts.isdisjoint((path, *path.parents))
    ]


def _find_libraries() -> Iterator[Path]:
    """Yield every libcuda, with its links resolved.

    For instance `libcuda.so.1` is a link to `libcuda.so.550.54.15`. Stubs of a toolkit are left out
    unless the loader searches their folder.
    """
    searched = _loader_folders()
    for place in {*map(Path, _PLACES), Path(sys.prefix), *searched}:
        for folder, _, names in os.walk(place):
            if Path(folder).name != "stubs" or Path(folder) in searched:
                yield from (
                    Path(folder, name).resolve() for name in names if name.startswith(LIBRARY)
                )


def _loader_folders() -> set[Path]:
    """Return the folders that the loader searches besides its own."""
    named = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    written = (
        line.strip()
        for file in _LOADER.glob("*.conf")
        for line in file.read_text(encoding="utf-8").splitlines()
    )
    return {Path(place) for place in (*named, *written) if place.startswith("/") and place != "/"}
