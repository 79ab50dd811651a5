"""Files of this repository that run inside images, for rules about the modules of the host."""

from __future__ import annotations

from fnmatch import fnmatchcase

_PATTERNS = (
    "validation/suites/*",
    "images/*/guest/*",
    "images/*/system/*",
    "scan/image_probe.py",
    "images/bytecode_compiler.py",
)


def runs_in_images(name: str) -> bool:
    """Return whether a file, by its path in the repository, runs inside images.

    Such a file can import nothing of the harness.
    """
    return any(fnmatchcase(name, pattern) for pattern in _PATTERNS)
