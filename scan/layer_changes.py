"""The changes of layers that an image was not assembled from: paths added, changed and removed.

Pure: the contents of the layers are arguments. A change names the layer, the path, what is
different, and to which package the path belongs.
"""

from __future__ import annotations

import csv
import io
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import accumulate

from oci.layer_reader import (
    EntryKind,
    LayerContents,
    LayerEntry,
    is_hidden,
    list_hidden,
    share_contents,
)
from runner.nouns import count_noun
from scan import system_files
from scan.owners import describe_attributes

_RECORD = re.compile(r"(?P<folder>.+)/(?P<name>[^/-]+)-(?P<version>[^/-]+)\.dist-info/RECORD")
_OF_WHEEL = re.compile(r".+\.dist-info/(?:RECORD|entry_points\.txt)")
_BYTECODE = re.compile(r"(?P<folder>.+)/__pycache__/(?P<module>[^/]+)\.cpython-\d+\.pyc")


class ChangeKind(StrEnum):
    """How a layer changes a path."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True)
class NamedLayer:
    """A layer of an image, from below. `is_known` says that the image was assembled from it."""

    name: str
    contents: LayerContents
    is_known: bool


@dataclass(frozen=True)
class PathChange:
    """A path that a layer changes.

    `owner` is the package or layer that the path belongs to, empty if it belongs to none. `what`
    says how it differs. `paths` is the number of paths that it stands for: all below a folder that
    was added or removed. `is_other` says that its contents or kind differ, not its rights alone.
    """

    kind: ChangeKind
    path: str
    layer: str
    owner: str
    what: str
    paths: int = 1
    is_other: bool = True


@dataclass
class _View:
    """The merged file system of the layers so far."""

    entries: dict[str, LayerEntry] = field(default_factory=dict)
    layers: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)

    def owner_of(self, path: str) -> str:
        """Return the package that a path belongs to, else the layer; empty if it is not there."""
        source = source_of(path)
        if source in self.owners:
            return f"{self.owners[source]}, as bytecode"
        return self.owners.get(path, self.layers.get(path, ""))


def source_of(path: str) -> str:
    """Return the path of the module that a path is the bytecode of; empty if it is of none."""
    match = _BYTECODE.fullmatch(path)
    return f"{match['folder']}/{match['module']}.py" if match else ""


def wants_text(path: str) -> bool:
    """Return whether the text of a path is needed: it says which package owns others, or more."""
    return system_files.wants_text(path) or _OF_WHEEL.fullmatch(path) is not None


def find_changes(layers: Sequence[NamedLayer]) -> list[PathChange]:
    """Return what the layers that are not known change, in the order of layers and paths."""
    view, found = _View(), list[PathChange]()
    for layer in layers:
        if not layer.is_known:
            found += _list_removed(view, layer)
            found += _join_folders(list(_list_written(view, layer)))
        _apply_layer(view, layer)
    return found


def _apply_layer(view: _View, layer: NamedLayer) -> None:
    contents = layer.contents
    for path in list_hidden(view.entries, contents):
        del view.entries[path], view.layers[path]
        view.owners.pop(path, None)
    view.entries.update(contents.entries)
    view.layers.update(dict.fromkeys(contents.entries, layer.name))
    if layer.is_known:
        view.owners.update(name_owners(contents, view.entries))


def name_owners(contents: LayerContents, root: Mapping[str, LayerEntry]) -> dict[str, str]:
    """Return the package of each path of a layer, by the RECORDs of wheels and dpkg's lists.

    `root` are the entries of the file system that the layer is part of.
    """
    dpkg = system_files.read_dpkg(contents, system_files.find_root_links(root))
    owners = {path: f"Debian's {name}" for path, name in dpkg.owners.items()}
    for record, paths in list_wheels(contents).items():
        match = _RECORD.fullmatch(record)
        if match:
            owners.update(dict.fromkeys(paths, f"{match['name']} {match['version']}"))
    return owners


def list_wheels(contents: LayerContents) -> dict[str, list[str]]:
    """Return the paths that each RECORD of an installed wheel lists, by the path of the RECORD."""
    found: dict[str, list[str]] = {}
    for path, text in contents.texts.items():
        match = _RECORD.fullmatch(path)
        if match:
            rows = csv.reader(io.StringIO(text.decode(errors="replace"), newline=""))
            inside = (f"{match['folder']}/{row[0]}" for row in rows if row)
            found[path] = [*map(posixpath.normpath, inside)]
    return found


def _list_removed(view: _View, layer: NamedLayer) -> Iterator[PathChange]:
    roots = {*layer.contents.removed, *layer.contents.emptied}
    counted = dict.fromkeys(roots, 0)
    owners: dict[str, str] = {}
    for path in view.entries if roots else ():
        for above in ("", *accumulate(path.split("/"), "{}/{}".format)):
            is_itself = above == path and above not in layer.contents.removed
            if above in counted and not is_itself:
                counted[above] += 1
                owners.setdefault(above, view.owner_of(path))
    for path, count in sorted(counted.items()):
        if not count:  # of nothing, as some builders write it
            continue
        owner = view.owner_of(path) or owners[path]
        below = f" with {count_noun(count, 'path')}" if count > 1 else ""
        yield PathChange(
            ChangeKind.REMOVED, path, layer.name, owner, f"it is removed{below}", count
        )


def _list_written(view: _View, layer: NamedLayer) -> Iterator[PathChange]:
    gone, emptied = set(layer.contents.removed), layer.contents.emptied
    for path, entry in layer.contents.entries.items():
        below = view.entries.get(path)
        if below is not None and not is_hidden(path, gone, emptied):
            after = share_contents(entry, layer.contents.entries.get(entry.target))
            before = share_contents(below, view.entries.get(below.target))
            if what := describe_difference(before, after):
                owner = view.owner_of(path)
                is_other = identify(before) != identify(after)
                yield PathChange(
                    ChangeKind.CHANGED, path, layer.name, owner, what, is_other=is_other
                )
        elif below is not None or path:
            kind = ChangeKind.CHANGED if below else ChangeKind.ADDED
            owner = view.owner_of(path) if below else ""
            yield PathChange(kind, path, layer.name, owner, describe_entry(entry))


def identify(entry: LayerEntry) -> tuple[str, str, str]:
    """Return what makes two entries the same, whatever their rights are."""
    return entry.kind, entry.target, entry.sha256


def describe_entry(entry: LayerEntry) -> str:
    """Return what is special about a path that was added; empty if nothing is."""
    parts = []
    if entry.kind is EntryKind.LINK:
        parts.append(f"a symbolic link to `{entry.target}`")
    if entry.kind is EntryKind.DEVICE:
        parts.append(f"a {entry.kind}")
    if entry.kind is EntryKind.FILE and entry.mode & 0o6000:
        parts.append(f"it runs with its owner's or group's rights (mode {entry.mode:04o})")
    return "; ".join([*parts, *describe_attributes(entry.attributes)])


def describe_difference(before: LayerEntry, after: LayerEntry) -> str:
    """Return how a path differs from the one below; empty if it does not."""
    if before.kind is not after.kind:
        return f"it is a {after.kind} in place of a {before.kind}"
    parts = []
    if before.kind is EntryKind.LINK and before.target != after.target:
        parts.append(f"the link leads to `{after.target}`, not `{before.target}`")
    if before.sha256 != after.sha256:
        size = (
            f"{before.size} bytes as before"
            if before.size == after.size
            else f"{after.size} bytes, not {before.size}"
        )
        parts.append(f"its contents differ ({size})")
    if before.mode != after.mode and before.kind is not EntryKind.LINK:
        parts.append(f"its mode is {after.mode:04o}, not {before.mode:04o}")
    if (before.uid, before.gid) != (after.uid, after.gid):
        parts.append(f"its owner is {after.uid}:{after.gid}, not {before.uid}:{before.gid}")
    if before.attributes != after.attributes:
        parts += describe_attributes(after.attributes) or ["its extended attributes are gone"]
    return "; ".join(parts)


def _join_folders(changes: list[PathChange]) -> list[PathChange]:
    """Return the changes with one for each added folder, in place of all that was added below it.

    What is special (a link, setuid, capabilities) stays by itself.
    """
    added = {each.path for each in changes if each.kind is ChangeKind.ADDED and not each.what}
    counted: dict[str, int] = {}
    kept: list[PathChange] = []
    for each in changes:
        above = [*accumulate(each.path.split("/"), "{}/{}".format)][:-1]
        top = next((folder for folder in above if folder in added), "")
        if top and each.path in added:
            counted[top] = counted.get(top, 0) + 1
        else:
            kept.append(each)
    return [replace(each, paths=1 + counted.get(each.path, 0)) for each in kept]
