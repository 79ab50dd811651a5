"""A root file system as BuildKit exports it, of entries that a test chooses."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """An entry of an exported root file system."""

    name: str
    data: bytes = b""
    kind: bytes = tarfile.REGTYPE
    mode: int = 0o644
    link: str = ""
    mtime: int = 1
    uid: int = 0
    pax: dict[str, str] = field(default_factory=dict)


def write_root(path: Path, entries: Iterable[Entry]) -> Path:
    """Write the entries as a tar, and return its path."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            header = tarfile.TarInfo(entry.name)
            header.type, header.mode, header.linkname = entry.kind, entry.mode, entry.link
            header.uid, header.uname, header.mtime = entry.uid, "somebody", entry.mtime
            header.size, header.pax_headers = len(entry.data), dict(entry.pax)
            tar.addfile(header, io.BytesIO(entry.data))
    return path
