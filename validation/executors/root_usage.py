"""Size of all that a container has written to its root, as far as the host can see it.

If the harness is root, it looks into the engine's folder of the container: number of files, and the
blocks that they take, those that are only reserved too. A file that was removed and is still open
has no name there; it is found at the processes that hold it. Else there is only the size that the
engine tells, and the watch on the disk, its free space and free inodes (runner/containers.py).
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from runner.untrusted import Malformed, require_small

ROOT = "the container's root"
OPEN_FILES = 50_000
"""So many open files of a container's processes are looked at."""


def describe_excess(container: Any, size: int, entries: int) -> str:  # noqa: ANN401 - docker-py has no types
    """Return how a container's root holds more than `size` bytes or `entries` entries.

    The text is empty if it does not.
    """
    written = _folder_of(container)
    if written is None:
        listed = container.client.api.containers(size=True, filters={"id": container.id})
        held = sum(each.get("SizeRw") or 0 for each in listed)
        return _too_large(size) if held > size else ""
    try:
        require_small(written.parent, written.name, size, entries, shown=ROOT)
    except Malformed as error:
        return str(error)
    except OSError:  # it is being removed
        return ""
    removed = {
        entry.st_ino: entry.st_blocks * 512
        for entry in islice(_iter_removed_files(container), OPEN_FILES)
    }
    if sum(removed.values()) > size:
        return f"{_too_large(size)} in files that were removed"
    return ""


def _too_large(size: int) -> str:
    return f"{ROOT} holds more than the allowed {size:,} bytes"


def _folder_of(container: Any) -> Path | None:  # noqa: ANN401
    """Return the engine's folder of the container's writes, None if this user may not read it."""
    driver = container.attrs.get("GraphDriver") or {}
    written = Path(str((driver.get("Data") or {}).get("UpperDir") or "/nowhere"))
    return written if written.is_absolute() and os.access(written, os.R_OK | os.X_OK) else None


def _iter_removed_files(container: Any) -> Iterator[os.stat_result]:  # noqa: ANN401
    """Yield the removed files that are still open or mapped in the container."""
    for (process,) in container.client.api.top(container.id, "-eo pid").get("Processes") or ():
        with contextlib.suppress(OSError):  # it has ended
            root = Path(f"/proc/{process}/root").stat().st_dev
            for kind in ("fd", "map_files"):
                for link in Path(f"/proc/{process}/{kind}").iterdir():
                    with contextlib.suppress(OSError):  # it was closed
                        file = link.stat()
                        if stat.S_ISREG(file.st_mode) and (file.st_nlink, file.st_dev) == (0, root):
                            yield file
