"""The difference of two root file systems as a layer: what is new or changed, and what is gone.

It is what makes the layer of a stack's Debian packages, and that of a patch's updates, small: each
holds only what differs from the layers below it.
"""

from __future__ import annotations

import contextlib
import hashlib
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from images import debian
from images.debian import INDEX, NEWEST, READ, XATTR, LayerFile, NormalisedRoot
from oci.layer_reader import WHITEOUT
from oci.tarball import Blob
from runner import records
from runner.untrusted import clean_line


@dataclass(frozen=True)
class _Contents:
    """The facts that make two entries of a root file system the same; `digest` is of its bytes."""

    facts: tuple[object, ...]
    digest: str


def write_difference(exported: Path, below: Path, target: BinaryIO, epoch: int) -> NormalisedRoot:
    """Write as a layer what an exported root file system has and the one in `below` has not.

    A file that is gone is written as a whiteout. The folders of all that is written are written
    too, with their modes: some engines would make them anew. Raises TarError or OSError.
    """
    with _open_layer(below) as opened:
        known = {entry.name: _describe_entry(opened, entry) for entry in opened}
    with debian.open_export(exported) as source:
        kept = {entry.name: entry for entry in debian.kept_entries(source, epoch)}
        contents = {name: source.extractfile(kept[name]) for name in READ if name in kept}
        read = {
            name: each.read().decode(errors="replace") for name, each in contents.items() if each
        }
        for name in (NEWEST, INDEX):
            kept.pop(name, None)
        changed = _find_changed(source, kept, known)
        gone = _find_gone(kept, known)
        folders = {str(each) for name in (*changed, *gone) for each in PurePosixPath(name).parents}
        blob = _write_entries(source, kept, changed | (folders & kept.keys()), gone, target, epoch)
    return debian.describe_root(blob, read)


def write_merged(below: Path, above: Path, target: Path) -> None:
    """Write the root file system that a layer and a difference on top of it make, as a plain tar.

    Raises TarError or OSError.
    """
    with (
        _open_layer(below) as lower,
        _open_layer(above) as upper,
        tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as merged,
    ):
        new = {entry.name: entry for entry in upper}
        gone = {name for each in new if (name := _removed_by(each))}
        covering = gone | {name for name, entry in new.items() if not entry.isdir()}
        for entry in lower:
            above_it = {str(parent) for parent in PurePosixPath(entry.name).parents}
            if entry.name not in new and not covering & {entry.name, *above_it}:
                merged.addfile(entry, lower.extractfile(entry) if entry.isreg() else None)
        for name, entry in new.items():
            if not _removed_by(name):
                merged.addfile(entry, upper.extractfile(entry) if entry.isreg() else None)


def _removed_by(name: str) -> str:
    """Return the path that a whiteout of this name removes; empty if it is none."""
    path = PurePosixPath(name)
    return (
        str(path.with_name(path.name.removeprefix(WHITEOUT)))
        if path.name.startswith(WHITEOUT)
        else ""
    )


@contextlib.contextmanager
def _open_layer(path: Path) -> Iterator[tarfile.TarFile]:
    with records.open_binary(path) as file, tarfile.open(fileobj=file, mode="r:*") as opened:
        yield opened


def _describe_entry(source: tarfile.TarFile, entry: tarfile.TarInfo) -> _Contents:
    facts = (
        entry.type,
        entry.mode,
        entry.uid,
        entry.gid,
        entry.linkname,
        tuple(sorted(each for each in entry.pax_headers.items() if each[0].startswith(XATTR))),
    )
    content = source.extractfile(entry) if entry.isreg() else None
    return _Contents(facts, hashlib.sha256(content.read()).hexdigest() if content else "")


def _find_changed(
    source: tarfile.TarFile,
    kept: Mapping[str, tarfile.TarInfo],
    known: Mapping[str, _Contents],
) -> set[str]:
    """Return the names of the entries that are new or differ; also links to a file that does."""
    changed = {
        name for name, entry in kept.items() if _describe_entry(source, entry) != known.get(name)
    }
    linked = {name for name, entry in kept.items() if entry.islnk() and entry.linkname in changed}
    return changed | linked


def _find_gone(kept: Mapping[str, tarfile.TarInfo], known: Iterable[str]) -> list[str]:
    """Return the names that are no longer there, without those below one that is no folder now."""
    gone = [name for name in known if name not in kept]
    covering = {*gone, *(name for name, entry in kept.items() if not entry.isdir())}
    return [
        name
        for name in gone
        if not covering & {str(parent) for parent in PurePosixPath(name).parents}
    ]


def _write_entries(  # noqa: PLR0913, PLR0917 - what is written, from where, and how
    source: tarfile.TarFile,
    kept: Mapping[str, tarfile.TarInfo],
    chosen: set[str],
    gone: Iterable[str],
    target: BinaryIO,
    epoch: int,
) -> Blob:
    writer = LayerFile(target)
    with tarfile.TarFile.open(fileobj=writer, mode="w|", format=tarfile.PAX_FORMAT) as layer:
        for name, entry in kept.items():
            if name not in chosen:
                continue
            written = entry
            if entry.islnk() and entry.linkname not in chosen:
                # A layer can link only to its own files: this one gets a copy.
                if entry.linkname not in kept:
                    raise tarfile.TarError(
                        f"{clean_line(name, 200)} is a hard link to a file that no layer keeps"
                    )
                written = kept[entry.linkname].replace(name=name, deep=False)
            layer.addfile(written, source.extractfile(written) if written.isreg() else None)
        for path in map(PurePosixPath, sorted(gone)):
            removed = tarfile.TarInfo(str(path.with_name(f"{WHITEOUT}{path.name}")))
            removed.mtime = epoch
            layer.addfile(removed)
    return writer.finish_layer()
