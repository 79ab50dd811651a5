"""Folders that a program may write, other processes, and the times of files."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

_POLL_S = 0.05


def writable_places() -> dict[str, Path]:
    """Return the folders that programs write, by what they are for.

    A folder is that of its variable, else the default of its project or of XDG.
    """
    home = Path(os.environ.get("HOME", "/nowhere"))
    cache = Path(os.environ.get("XDG_CACHE_HOME", home / ".cache"))
    return {
        "home": home,
        "cache": cache,
        "config": Path(os.environ.get("XDG_CONFIG_HOME", home / ".config")),
        "triton_cache": Path(os.environ.get("TRITON_CACHE_DIR", home / ".triton")),
        "temporary": Path(os.environ.get("TMPDIR", "/tmp")),  # noqa: S108 - it is what is looked at
        "working": Path.cwd(),
    }


def find_writing_problem(folder: Path) -> str:
    """Return why this user cannot keep a file in `folder`; empty if it can.

    The folder is made if it is missing. Nothing is left behind.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    file = folder / f"validation-{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"kept")
        return "" if file.read_bytes() == b"kept" else f"{folder} does not keep what is written"
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    finally:
        with contextlib.suppress(OSError):
            file.unlink()
            for each in missing:
                each.rmdir()


def ends_within(pid: int, seconds: float) -> bool:
    """Return whether a process is gone in time, with the entry that its parent has to collect."""
    deadline = time.monotonic() + seconds
    while (there := Path(f"/proc/{pid}").exists()) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return not there


def newest_change_time(folders: Iterable[Path]) -> float:
    """Return when the newest entry of the folders was changed, in seconds since 1970."""
    entries = (entry for folder in folders for entry in (folder, *folder.iterdir()))
    return max(entry.lstat().st_mtime for entry in entries)
