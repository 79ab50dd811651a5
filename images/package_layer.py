"""The layer with the Debian packages that the stacks of an image add to the OS layer.

There is one for all stacks of an image together: dpkg keeps its list of packages in one file, and
the list of a second such layer would hide that of the first. It holds only what differs from the
OS layer below it, and is made the same way: BuildKit installs today's packages in an image of the
OS layer, and the exported root file system is compared with that layer.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from images import debian
from images.catalog import IMAGES, Line
from images.debian import INDEX, NEWEST, READ, XATTR, LayerFile, NormalisedRoot
from oci.tarball import Blob
from runner import progress, records
from runner.untrusted import clean_line

RECIPE = IMAGES / "base" / "added"
"""The folder with the Dockerfile of this layer, and the script that it runs."""

SYSTEM = "system"
"""The folder of a stack with the files that are installed together with its Debian packages."""

_WHITEOUT = ".wh."
"""The prefix of a file that removes a file of a layer below (image-spec, layer.md)."""


@dataclass(frozen=True)
class _Contents:
    """The facts that make two entries of a root file system the same; `digest` is of its bytes."""

    facts: tuple[object, ...]
    digest: str


def system_folder(stack: str, root: Path = IMAGES) -> Path:
    """Return the folder with the files of ours that a stack adds; it need not be there."""
    return root / stack / SYSTEM


def recipe_texts(stacks: Iterable[str]) -> list[str]:
    """Return the texts of all files that make the layer of these stacks."""
    shared = [f"{path.name}\n{records.read_text(path)}" for path in _shared_scripts()]
    of_stacks = (
        f"{stack}/{text}" for stack in stacks for text in debian.texts_in(system_folder(stack))
    )
    return [*debian.texts_in(RECIPE), *shared, *of_stacks]


def _shared_scripts() -> list[Path]:
    """Return the scripts that tell of packages, as for the OS layer."""
    guest = debian.dockerfile_path().parent / debian.GUEST
    return [guest / "newest.sh", guest / "index.sh"]


def make_package_layer(  # noqa: PLR0913, PLR0917 - what is made of what, and where it goes
    line: Line,
    stacks: Iterable[str],
    packages: Iterable[str],
    below: Path,
    work: Path,
    target: Path,
) -> NormalisedRoot:
    """Make the layer of `stacks` into the file `target`. `work` is a folder for scratch.

    `below` is the OS layer, and `packages` are the names of the Debian packages. The returned
    packages are all that an image has with both layers. Raises EnvironmentFailed if the engine, the
    disk or Debian's package mirror fails.
    """
    context, exported = work / "added", work / "added.tar"
    shutil.copytree(RECIPE, context)
    for script in _shared_scripts():
        shutil.copy(script, context)
    (context / "stacks").mkdir()
    for number, stack in enumerate(stacks):
        if system_folder(stack).is_dir():
            shutil.copytree(system_folder(stack), context / "stacks" / f"{number:02}-{stack}")
    arguments = {
        **debian.line_arguments(line),
        "CUDA": line.cuda,
        "PACKAGES": " ".join(packages),
    }
    with (
        progress.show_step(f"Debian packages of {', '.join(stacks)} (BuildKit)"),
        debian.imported_root(below) as name,
    ):
        debian.build_root(context, {"BASE": name, **arguments}, exported)
    with debian.explain_failures(), target.open("wb") as file:
        made = write_difference(exported, below, file, line.epoch)
    exported.unlink()
    shutil.rmtree(context)
    return made


def write_difference(exported: Path, below: Path, target: BinaryIO, epoch: int) -> NormalisedRoot:
    """Write what an exported root file system has and the layer `below` has not as a layer.

    A file that is gone is written as a whiteout. The folders of all that is written are written
    too, with their modes: some engines would make them anew. Raises TarError or OSError.
    """
    with records.open_binary(below) as file, tarfile.open(fileobj=file, mode="r:gz") as opened:
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
            removed = tarfile.TarInfo(str(path.with_name(f"{_WHITEOUT}{path.name}")))
            removed.mtime = epoch
            layer.addfile(removed)
    return writer.finish_layer()
