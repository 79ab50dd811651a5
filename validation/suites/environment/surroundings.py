"""Folders that a program may write, other processes, and the times of files."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

_POLL_S = 0.05

SOURCES = {"hosts": ("files", "dns"), "passwd": ("files",), "group": ("files",)}
"""Where the C library must look, in this order."""


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


def find_lookup_faults(etc: Path = Path("/etc")) -> Iterator[str]:
    """Yield how the C library would look up names of hosts and users otherwise than usual.

    glibc has defaults for files that are missing; the engine writes resolv.conf and hosts.
    """
    sources = {
        words[0].removesuffix(":"): words[1:]
        for words in iter_settings(etc / "nsswitch.conf")
        if words[0].endswith(":")
    }
    for database, wanted in SOURCES.items():
        found = sources.get(database, [*wanted])
        order = [each for each in found if each in wanted]
        if order != [*wanted]:
            yield f"nsswitch.conf looks up {database} in {' '.join(found) or 'nothing'}"
        if stops := [each for each in found if each.startswith("[") and "return" in each.lower()]:
            yield f"nsswitch.conf ends the search for {database} with {stops[0]}"
    for words in iter_settings(etc / "gai.conf"):
        yield f"gai.conf changes the order of addresses: {' '.join(words)}"
    for words in iter_settings(etc / "host.conf"):
        if words != ["multi", "on"]:
            yield f"host.conf says {' '.join(words)}"


def iter_settings(file: Path) -> Iterator[list[str]]:
    """Yield the words of each line that is no comment; none if there is no file."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    for line in text.splitlines():
        if words := line.partition("#")[0].split():
            yield words


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
