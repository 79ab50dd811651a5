"""The difference of an image that somebody made of ours to our release: more, less, other.

Pure: the contents of both are arguments. A path that was added is a difference and no fault. A file
of a wheel that is another one, although the wheel is still installed in the same version, is a
fault: no installer leaves that behind.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from oci.layer_reader import EntryKind, LayerContents, LayerEntry, share_contents
from runner.nouns import count_noun
from runner.untrusted import clean_line
from scan.expected_configuration import compare_configurations
from scan.layer_changes import (
    ChangeKind,
    NamedLayer,
    PathChange,
    describe_difference,
    find_changes,
    identify,
    list_wheels,
    name_owners,
    source_of,
)
from scan.record import ScanProblem, limit_problems
from scan.system_files import read_dpkg

KIND = "contents"
WAY_OUT = "install the package again, or keep the change outside of its files"
NAMED = 5
"""Packages and paths of one sort that a line names; the rest is counted."""
_OF_ENGINE = re.compile(
    r"(?:dev|proc|sys|run)(?:/.*)?|etc/(?:hosts|hostname|resolv\.conf|mtab)|\.dockerenv"
)
_OF_DPKG = re.compile(r"var/(?:lib/(?:dpkg|apt)|cache|log)(?:/.*)?|etc/ld\.so\.cache")
_INSTALLED = re.compile(
    r".*/(?:site|dist)-packages/(?P<name>[^/-]+)-(?P<version>[^/-]+)\.dist-info/RECORD"
)
_WRITTEN = re.compile(
    r".*\.dist-info/(?:RECORD|INSTALLER|REQUESTED|direct_url\.json)|.*/__pycache__/.*"
)


@dataclass(frozen=True)
class ReleaseDifference:
    """The difference of an image to the release that it was made of.

    `release` is the reference of that release, empty if the image was not compared. `lines` say
    what differs, or why nothing was compared.
    """

    release: str
    lines: tuple[str, ...]


def compare_contents(
    release: LayerContents, image: LayerContents
) -> tuple[tuple[str, ...], tuple[ScanProblem, ...]]:
    """Return lines about what differs between two file systems, and the faults among it."""
    before, after = _own_by_version(release), _own_by_version(image)
    staying = set(before.values()) & set(after.values())
    has_other_debian = _list_debian(release) != _list_debian(image)
    old, new = (
        _leave_out(contents, owners, staying, with_notes=not has_other_debian)
        for contents, owners in ((release, before), (image, after))
    )
    gone = old.entries.keys() - new.entries.keys()
    tops = sorted(path for path in gone if path.rpartition("/")[0] not in gone)
    changed = LayerContents(new.entries, tuple(tops), (), new.texts)
    changes = find_changes(
        [NamedLayer("our release", old, True), NamedLayer("the image", changed, False)]
    )
    lines = (*_describe_packages(release, image), *_describe_paths(changes))
    return lines, tuple(limit_problems(list(_find_faults(release, image))))


def _own_by_version(contents: LayerContents) -> dict[str, str]:
    """Return the package of each path, with its version."""
    debian = {f"Debian's {name}": version for name, version in _list_debian(contents).items()}
    return {
        path: f"{owner} {debian[owner]}" if owner in debian else owner
        for path, owner in name_owners(contents, contents.entries).items()
    }


def _leave_out(
    contents: LayerContents, owners: Mapping[str, str], staying: Set[str], *, with_notes: bool
) -> LayerContents:
    """Return contents without the paths of packages that only one of two file systems has.

    The packages are told by themselves, and so are what the engine makes and what dpkg notes.
    """
    apart = {owner for owner in owners.values() if owner not in staying}
    hidden = {
        path
        for path in contents.entries
        if _OF_ENGINE.fullmatch(path)
        or (not with_notes and _OF_DPKG.fullmatch(path))
        or owners.get(source_of(path) or path, owners.get(path)) in apart
    }
    above: set[str] = set()
    held: set[str] = set()
    for path, entry in contents.entries.items():
        if entry.kind is not EntryKind.FOLDER or path in hidden:
            parents = [*accumulate(path.split("/"), "{}/{}".format)][:-1]
            (above if path in hidden else held).update(parents)
    hidden |= above - held
    entries = {path: entry for path, entry in contents.entries.items() if path not in hidden}
    return LayerContents(entries, texts=contents.texts)


def compare_settings(release: Mapping[str, Any], image: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a line that names the fields of the configuration (`Env`, ...) that differ."""
    found = compare_configurations({"config": dict(release)}, {"config": dict(image)})
    names = [
        clean_line(each.where, 100) for each in found if each.where not in ("Image", "Hostname")
    ]
    return (f"configuration: {_name_some(names)}",) if names else ()


def _describe_packages(release: LayerContents, image: LayerContents) -> Iterator[str]:
    for title, before, after in (
        ("Python package", _list_python(release), _list_python(image)),
        ("Debian package", _list_debian(release), _list_debian(image)),
    ):
        changed = sorted(
            name for name in before.keys() & after.keys() if before[name] != after[name]
        )
        for sign, names in (
            ("+", [f"{name} {after[name]}" for name in sorted(after.keys() - before.keys())]),
            ("-", [f"{name} {before[name]}" for name in sorted(before.keys() - after.keys())]),
            ("changed: ", [f"{name} {before[name]} -> {after[name]}" for name in changed]),
        ):
            if names:
                yield f"{sign}{count_noun(len(names), title)}: {_name_some(names)}"


def _list_python(contents: LayerContents) -> dict[str, str]:
    found = filter(None, map(_INSTALLED.fullmatch, contents.entries))
    return {each["name"]: each["version"] for each in found}


def _list_debian(contents: LayerContents) -> dict[str, str]:
    return {each.name: each.version for each in read_dpkg(contents, {}).packages}


def _describe_paths(changes: Sequence[PathChange]) -> Iterator[str]:
    """Yield a line for each owner of which files were changed or removed, and one for the added."""
    for kind in (ChangeKind.CHANGED, ChangeKind.REMOVED):
        counted, named = Counter[str](), dict[str, list[str]]()
        for each in changes:
            if each.kind is kind:
                counted[each.owner] += each.paths
                named.setdefault(each.owner, []).append(f"/{each.path}")
        for owner, count in counted.most_common(NAMED):
            whose = "our release" if owner == "our release" else clean_line(owner, 100)
            yield f"{count_noun(count, 'path')} of {whose} {kind}: {_name_some(named[owner])}"
        if rest := sum(count for _, count in counted.most_common()[NAMED:]):
            others = count_noun(len(counted) - NAMED, "other package")
            yield f"{count_noun(rest, 'path')} of {others} {kind}"
    added = [each for each in changes if each.kind is ChangeKind.ADDED]
    if added:
        total = count_noun(sum(each.paths for each in added), "path")
        yield f"{total} of no package added: {_name_some([f'/{each.path}' for each in added])}"


def _find_faults(release: LayerContents, image: LayerContents) -> Iterator[ScanProblem]:
    """Yield the files of our wheels that are other ones, or gone, although the wheels are there.

    Wheels of one name, version and tags have the same files. That RECORD agrees with a file says
    nothing: who changes one may change both. Who builds a package anew has another WHEEL. Rights do
    not count, and neither does what each installer writes by itself.
    """
    wheels = list_wheels(release)
    points = (text for path, text in release.texts.items() if path.endswith("/entry_points.txt"))
    rows = (row for text in points for row in text.decode(errors="replace").splitlines())
    scripts = {row.partition("=")[0].strip() for row in rows if "=" in row}
    owners: dict[str, list[str]] = {}
    for record, paths in wheels.items():
        for path in paths:
            owners.setdefault(path, []).append(record)
    kept = find_kept_wheels(release, image)
    for path, records in owners.items():
        before, after = _find_file(release, path), _find_file(image, path)
        folder, _, name = path.rpartition("/")
        is_written = _WRITTEN.fullmatch(path) or (folder.endswith("/bin") and name in scripts)
        # Wheels may share a file: the one that left, or came anew, has taken it along.
        if before is None or is_written or not kept.issuperset(records):
            continue
        if after is None or identify(before) != identify(after):
            what = describe_difference(before, after) if after else "it is removed"
            match = _INSTALLED.fullmatch(records[-1])
            owner = f"{match['name']} {match['version']}" if match else records[-1]
            what = f"it is not the file of {owner}, which is still installed: {what}"
            yield ScanProblem(KIND, f"/{path}", what, WAY_OUT)


def find_kept_wheels(release: LayerContents, image: LayerContents) -> set[str]:
    """Return the RECORDs of the wheels of our release that an image has, built as ours are."""
    kept = set[str]()
    for record in list_wheels(release).keys() & image.entries.keys():
        wheel = record.removesuffix("RECORD") + "WHEEL"
        before, after = _find_file(release, wheel), _find_file(image, wheel)
        if before is None or after is None or identify(before) == identify(after):
            kept.add(record)
    return kept


def _find_file(contents: LayerContents, path: str) -> LayerEntry | None:
    """Return a path, a hard link with the contents of its file; None if it is not there."""
    entry = contents.entries.get(path)
    return share_contents(entry, contents.entries.get(entry.target)) if entry else None


def _name_some(names: Sequence[str]) -> str:
    shown = ", ".join(clean_line(each, 120) for each in names[:NAMED])
    more = len(names) - NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown
