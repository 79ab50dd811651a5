"""A program that lets the cuDNN at PATH load its parts as it does in use.

It prints as load_each.py does. Each function of CHECKS loads one part of cuDNN 9 and compares its
version with the whole (cuDNN API, cross-library version checker). Then the file of every part is
printed. Neither GPU nor driver is needed.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

CHECKS = (
    "cudnnGraphVersionCheck",
    "cudnnOpsVersionCheck",
    "cudnnCnnVersionCheck",
    "cudnnAdvVersionCheck",
)


def run_check(cudnn: ctypes.CDLL, check: str) -> str:
    """Call one version check and return the line that tells how it ended."""
    try:
        status = getattr(cudnn, check)()
    except AttributeError:
        return "! there is no such function"
    return f"! status {status}" if status else "= "


def list_parts() -> list[str]:
    """Return every file of cuDNN in this process."""
    fields = (
        line.split(maxsplit=5)
        for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    )
    return sorted({each[5] for each in fields if len(each) == 6 and "/libcudnn" in each[5]})


if __name__ == "__main__":
    library = ctypes.CDLL(sys.argv[1])
    for name in CHECKS:
        print(name, flush=True)
        print(run_check(library, name), flush=True)
    for path in list_parts():
        print(path.rpartition("/")[2])
        print(f"= {path}", flush=True)
