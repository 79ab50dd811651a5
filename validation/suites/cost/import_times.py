"""A program that prints how long the import of each package of the image takes, torch first.

The line of a package is its name and its seconds, without those of the packages before it, and
without those that its thread waited for a core.
"""

from __future__ import annotations

import contextlib
import os
import sys
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    sys.path.append(str(PACKAGE.parent))
    read_seconds = import_module(f"{PACKAGE.name}.own_time").read_seconds
    printed = os.dup(1)
    os.dup2(2, 1)  # what packages print is not ours
    own = [name for name in packages_distributions() if name.isidentifier() and name[0] != "_"]
    for at_work in sorted(own, key=lambda name: (name != "torch", name)):
        started = read_seconds()
        with contextlib.suppress(BaseException):  # that is for other checks
            import_module(at_work)
        os.write(printed, f"{at_work} {read_seconds() - started}\n".encode())
