"""Size of all that a container has written to its root, as far as the host can see it.

If the harness is root, it looks into the engine's folder of the container: number of files, and the
blocks that they take, those that are only reserved too. The engine keeps /etc/hosts and two more
files elsewhere. A file that was removed and is still open has no name; it is found at the threads
that hold it. Else there is only the size that the engine tells. What is found nowhere, such as a
removed file on its way through a socket, is left to the watch on the disk, its free space and free
inodes (runner/containers.py).
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from docker.errors import APIError

from runner.engine_kind import EngineObject
from runner.untrusted import Malformed, require_small

ROOT = "the container's root"
LOOK_S = 5.0
"""How long open files are looked at. An honest suite has some thousands, and they take 0.1 s."""
OUTSIDE = ("HostsPath", "HostnamePath", "ResolvConfPath")
"""Files in /etc that the engine keeps outside a container's root, by their names in its answer."""


def describe_excess(container: EngineObject, size: int, entries: int) -> str:
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
        outside = (str(container.attrs.get(name) or "") for name in OUTSIDE)
        if sum(os.lstat(path).st_blocks * 512 for path in outside if path.startswith("/")) > size:
            return f"{_too_large(size)} in files that the engine put there"
        if _measure_removed(container) > size:
            return f"{_too_large(size)} in files that were removed"
    except Malformed as error:
        return str(error)
    except (OSError, APIError):  # it has ended, and is being removed
        return ""
    return ""


def _too_large(size: int) -> str:
    return f"{ROOT} holds more than the allowed {size:,} bytes"


def _folder_of(container: EngineObject) -> Path | None:
    """Return the engine's folder of the container's writes, None if this user may not read it."""
    driver = container.attrs.get("GraphDriver") or {}
    written = Path(str((driver.get("Data") or {}).get("UpperDir") or "/nowhere"))
    return written if written.is_absolute() and os.access(written, os.R_OK | os.X_OK) else None


def _measure_removed(container: EngineObject) -> int:
    """Return the bytes of removed files that are still held.

    Raises Malformed if there are more open files than can be looked at in LOOK_S.
    """
    deadline, removed = time.monotonic() + LOOK_S, dict[int, int]()
    for root, link in _iter_held_files(container):
        if time.monotonic() > deadline:
            raise Malformed(
                f"the container holds more open files than can be looked at in {LOOK_S:.0f} s"
            )
        with contextlib.suppress(OSError):  # it was closed
            file = link.stat()
            if stat.S_ISREG(file.st_mode) and (file.st_nlink, file.st_dev) == (0, root):
                removed[file.st_ino] = file.st_blocks * 512
    return sum(removed.values())


def _iter_held_files(container: EngineObject) -> Iterator[tuple[int, Path]]:
    """Yield every file that is open or mapped in the container, with the device of its root.

    Each thread may have files of its own, and a thread may outlive the first one of its process.
    Memory is common to all threads of a process.
    """
    for (process,) in container.client.api.top(container.id, "-eo pid").get("Processes") or ():
        is_memory_seen = False
        for thread in _list_folder(Path(f"/proc/{process}/task")):
            folder = Path("/proc") / thread.name
            with contextlib.suppress(OSError):  # it has ended
                root = (folder / "root").stat().st_dev
                yield from ((root, link) for link in _list_folder(folder / "fd"))
                mapped = () if is_memory_seen else _list_folder(folder / "map_files")
                for link in mapped:
                    is_memory_seen = True
                    yield root, link


def _list_folder(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder of /proc; nothing if it is gone."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            yield folder / entry.name
