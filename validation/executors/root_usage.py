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
    return (
        f"{_too_large(size)} in files that were removed" if _removed_bytes(container) > size else ""
    )


def _too_large(size: int) -> str:
    return f"{ROOT} holds more than the allowed {size:,} bytes"


def _folder_of(container: Any) -> Path | None:  # noqa: ANN401
    """Return the engine's folder of the container's writes, None if this user may not read it."""
    driver = container.attrs.get("GraphDriver") or {}
    written = Path(str((driver.get("Data") or {}).get("UpperDir") or "/nowhere"))
    return written if written.is_absolute() and os.access(written, os.R_OK | os.X_OK) else None


def _removed_bytes(container: Any) -> int:  # noqa: ANN401
    """Return the bytes of removed files that are still open or mapped in the container."""
    found: dict[int, int] = {}
    for looked_at, entry in enumerate(_open_files(container)):
        if looked_at == OPEN_FILES:
            break
        found[entry.st_ino] = entry.st_blocks * 512
    return sum(found.values())


def _open_files(container: Any) -> Iterator[os.stat_result]:  # noqa: ANN401
    for (process,) in container.client.api.top(container.id, "-eo pid").get("Processes") or ():
        with contextlib.suppress(OSError):  # it has ended
            root = Path(f"/proc/{process}/root").stat().st_dev
            for kind in ("fd", "map_files"):
                yield from _is_removed(Path(f"/proc/{process}/{kind}"), root)


def _is_removed(folder: Path, device: int) -> Iterator[os.stat_result]:
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # it was closed
                found = entry.stat()
                if stat.S_ISREG(found.st_mode) and found.st_nlink == 0 and found.st_dev == device:
                    yield found
