"""The files of a stack that come from no wheel and no Debian package: programs of this project.

`images/STACK/guest/NAME` becomes `/usr/local/lib/image/STACK/NAME`. Wheels write only below the
virtual environment, and a stack only below its own name, so no path has two owners. Files of base
are in the OS layer (images/base/guest/install.sh).
"""

from __future__ import annotations

from pathlib import Path

from images.names import BASE
from images.wheels import InstalledFile
from runner import records

GUEST = "guest"
PLACE = "usr/local/lib/image"


def read_guest_files(root: Path, stack: str) -> tuple[InstalledFile, ...]:
    """Return the files of a stack as they are in an image, by path; none for base.

    `root` is the folder of the stacks. Raises ConfigError if a file cannot be read.
    """
    folder = root / stack / GUEST
    if stack == BASE or not folder.is_dir():
        return ()
    named = sorted(path for path in folder.iterdir() if path.is_file())
    return tuple(
        InstalledFile(f"{PLACE}/{stack}/{path.name}", 0o644, data=records.read_text(path).encode())
        for path in named
    )
