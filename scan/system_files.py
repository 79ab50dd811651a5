"""The layers of Debian packages, path by path: what dpkg lists with its checksum, and owners.yaml.

Pure: the contents of the layers are an argument. They are the OS layer, for a patch its updates on
top, and for some stacks a layer with more packages on top of these. dpkg's own database is part of
them, so what it lists is compared with the packages that the build stage recorded.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from images.debian import STATUS, installed_packages
from images.record import DebianPackage
from oci.layer_reader import EntryKind, LayerContents, LayerEntry, merge_layers
from scan.owners import LIST, Owners, describe_rights

INFO = "var/lib/dpkg/info/"
_TEXTS = re.compile(
    r"var/lib/(dpkg|apt|shells|python|pam|systemd|ucf)/?.*|etc/(?!ssl/).*|opt/venv/pyvenv\.cfg"
    r"|usr/sbin/policy-rc\.d|opt/venv/bin/activate.*|usr/lib/python[0-9.]+/venv/scripts/.+"
    r"|usr/share/ca-certificates/.+|etc/ssl/certs/ca-certificates\.crt"
)
"""Paths whose texts are read: dpkg's database, and files of which the lines are listed."""
_OF_PACKAGE = re.compile(
    rf"{INFO}(?P<package>[a-z0-9][a-z0-9.+-]*)(?::amd64)?\.(?:list|md5sums|conffiles|postinst|preinst"
    r"|postrm|prerm|triggers|shlibs|symbols|templates|config)"
)
_SUM = re.compile(r"(?P<md5>[0-9a-f]{32})  (?P<path>.+)")
_CONFFILE = re.compile(r"^ /(?P<path>\S+) (?P<md5>[0-9a-f]{32})$", re.MULTILINE)
_PRINTABLE = bytes(range(0x20, 0x7F))
MIN_PATH_BYTES = 3
"""Of an absolute path in a file of C strings; a number may hold the byte of a slash."""
_BYTECODE = re.compile(r"(?P<folder>.+)/__pycache__(?:/(?P<module>[^/]+)\.cpython-\d+\.pyc)?")


@dataclass(frozen=True)
class PathFault:
    """A path that is not as it was assembled, and how: a sentence without its begin.

    `layer` is the number of the layer that the path is of, from 0; None if no layer has it.
    """

    path: str
    what: str
    layer: int | None


@dataclass(frozen=True)
class DpkgFiles:
    """The content of dpkg's database: the package of each path, and the MD5 of its files."""

    packages: tuple[DebianPackage, ...] = ()
    owners: dict[str, str] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)


def wants_text(path: str) -> bool:
    """Return whether the text of a path is needed to check the layers of Debian packages."""
    return _TEXTS.fullmatch(path) is not None


def find_root_links(entries: Mapping[str, LayerEntry]) -> dict[str, str]:
    """Return the links in the root folder, such as /bin to /usr/bin, each target with a slash."""
    return {
        path: posixpath.join(entry.target, "").lstrip("/")
        for path, entry in entries.items()
        if "/" not in path and entry.kind is EntryKind.LINK
    }


def read_dpkg(contents: LayerContents, links: Mapping[str, str]) -> DpkgFiles:
    """Return what the layer's own dpkg database says, with paths as they are in the image.

    Packages name their files by /bin and by /usr/bin: `links` are those of `find_root_links`.
    """
    status = contents.texts.get(STATUS, b"").decode(errors="replace")

    def resolve(path: str) -> str:
        top, _, rest = path.strip("/").removeprefix("./").partition("/")
        return f"{links[top]}{rest}" if rest and top in links else path.strip("/")

    found = DpkgFiles(tuple(installed_packages(status)))
    for path, text in contents.texts.items():
        match = _OF_PACKAGE.fullmatch(path)
        if match is None:
            continue
        lines = text.decode(errors="surrogateescape").splitlines()
        if path.endswith(".list"):
            found.owners.update({resolve(each): match["package"] for each in lines})
        elif path.endswith(".md5sums"):
            read = filter(None, map(_SUM.fullmatch, lines))
            found.sums.update({resolve(each["path"]): each["md5"] for each in read})
    for conffile in _CONFFILE.finditer(status):
        found.sums[resolve(conffile["path"])] = conffile["md5"]
    return found


def check_system_layers(  # noqa: PLR0913 - what is checked, and all that it must agree with
    layers: Sequence[LayerContents],
    expected: Collection[DebianPackage],
    owners: Owners,
    python: str,
    stacks: Collection[str],
    *,
    updates: int = 0,
) -> Iterator[PathFault]:
    """Yield every path that is not as the Debian packages and owners.yaml say.

    `layers` are the OS layer, so many layers of `updates` of it and, if there is one, the layer of
    more packages. `expected` are the packages that the build recorded, `python` is the version of
    the line. What the list says of a stack of `stacks` counts for the paths of the last of these
    alone.
    """
    system, added = owners.select_stacks(()), owners.select_stacks(stacks)
    upper = layers[1 + updates].entries if layers[1 + updates :] else {}
    merged = _SystemChecker(merge_layers(layers), upper, system, added, python)
    hidden = [{*layer.removed, *layer.emptied} for layer in layers]
    faults = list(merged.find_faults(expected))
    for path, what in faults:
        having = [
            number
            for number, layer in enumerate(layers)
            if path in layer.entries or path in hidden[number]
        ]
        yield PathFault(path, what, having[-1] if having else None)
    for number, layer in enumerate(layers):
        below = _SystemChecker(merge_layers(layers[:number]), {}, system, system, python)
        for path in sorted(hidden[number] - {path for path, _ in faults}):
            # of a package that is there in another version, or not at all any more
            is_dropped = below.has_package(path) and not merged.has_package(path)
            # an update of a package leaves out what the older version had or made
            is_updated = 0 < number <= updates and below.may_lack(path, merged)
            if path in layer.emptied or not (is_dropped or is_updated):
                yield PathFault(path, "the layer removes it from the layers below", number)


@dataclass(frozen=True)
class _SystemChecker:
    """The checks of the merged layers. `upper` are the paths that `added` counts for."""

    contents: LayerContents
    upper: Mapping[str, LayerEntry]
    system: Owners
    added: Owners
    python: str

    @cached_property
    def dpkg(self) -> DpkgFiles:
        """The database of dpkg in the merged layers."""
        return read_dpkg(self.contents, find_root_links(self.contents.entries))

    def find_faults(self, expected: Collection[DebianPackage]) -> Iterator[tuple[str, str]]:
        """Yield each path that is not as expected, and how."""
        listed, built = set(self.dpkg.packages), set(expected)
        for package in sorted(listed ^ built, key=lambda each: each.name):
            where = "the build did not record" if package in listed else "dpkg does not list"
            yield STATUS, f"{where} {package.name} {package.version}"
        for path, entry in self.contents.entries.items():
            if fault := self.find_fault(path, entry):
                yield path, fault
        yield from self.find_missing()

    def has_package(self, path: str) -> bool:
        """Return whether a path is of a package: its own, dpkg's note on it, or bytecode."""
        return path in self.dpkg.owners or self._is_beside_owned(path)

    def may_lack(self, path: str, updated: _SystemChecker) -> bool:
        """Return whether `updated` layers may be without a path of these.

        It is a link that packages make of their files and the list does not require, a note of dpkg
        on a package of another version, or bytecode.
        """
        if note := _OF_PACKAGE.fullmatch(path):
            versions = [
                {each.version for each in checker.dpkg.packages if each.name == note["package"]}
                for checker in (self, updated)
            ]
            is_list = path.endswith((".list", ".md5sums"))
            return versions[0] != versions[1] and not is_list
        entry, listed = self.contents.entries.get(path), self.system.find_listed(path, self.python)
        is_optional = listed is not None and not listed.required and not listed.guest
        is_link = entry is not None and entry.kind is EntryKind.LINK
        return (is_link and is_optional) or _BYTECODE.fullmatch(path) is not None

    def find_fault(self, path: str, entry: LayerEntry) -> str:
        """Return what of a path is not as expected; empty if nothing is."""
        owners = self.added if path in self.upper else self.system
        listed = owners.find_listed(path, self.python)
        if path in self.dpkg.owners and (listed is None or path in self.dpkg.sums):
            return self._check_debian(path, entry, owners)
        if listed is not None:
            fault = listed.find_fault(entry, path, self.contents, self.python)
            if not fault and listed.owned:
                fault = self._find_unowned(path, entry)
            return f"{fault} ({LIST}: {listed.why})" if fault else ""
        if self._is_beside_owned(path) or not path:
            usual = "0755" if entry.kind is EntryKind.FOLDER or entry.mode & 0o100 else "0644"
            return describe_rights(entry, usual, "0:0")
        return f"no Debian package owns it, and it is not in {LIST}"

    def find_missing(self) -> Iterator[tuple[str, str]]:
        """Yield the paths that packages or the list bring and no layer has, each with a reason."""
        for path, package in self.dpkg.owners.items():
            is_there = path in self.contents.entries or path in ("", ".")
            if not is_there and not self.system.is_left_out(path):
                yield path, f"it is missing, and {package} brings it"
        for listed in self.added.paths:
            if not (listed.required or listed.guest):
                continue
            pattern = re.compile(listed.path.replace("{python}", re.escape(self.python)))
            if not any(pattern.fullmatch(path) for path in self.contents.entries):
                shown = listed.path.replace("\\", "").replace("{python}", self.python)
                yield shown, f"it is missing ({LIST}: {listed.why})"

    def _find_unowned(self, path: str, entry: LayerEntry) -> str:
        """Return the fault of a link to a path without an owner, or of a file that names one."""
        if entry.kind is EntryKind.LINK:
            is_owned = self._is_owned(self._target_of(path, entry.target))
            return "" if is_owned else f"the link leads to `{entry.target}`, which no package owns"
        text = self.contents.texts.get(path)
        if text is None:
            return "it is too large to be read"
        # a pattern would need quadratic time for a text of slashes
        strings = (each[len(each.rstrip(_PRINTABLE)) :] for each in text.split(b"\0")[:-1])
        paths = (each[each.find(b"/") :] for each in strings if b"/" in each)
        named = [each.decode() for each in paths if len(each) >= MIN_PATH_BYTES]
        wrong = (each for each in named if not self._is_owned(self._target_of(path, each)))
        first = next(wrong, None)
        return f"it names `{first}`, which no package owns" if first else ""

    def _check_debian(self, path: str, entry: LayerEntry, owners: Owners) -> str:
        package, md5 = self.dpkg.owners[path], self.dpkg.sums.get(path)
        usual = owners.find_mode(path)
        mode = "0755" if entry.kind is EntryKind.FOLDER or entry.mode & 0o100 else "0644"
        rights = describe_rights(entry, *((usual.mode, usual.owner) if usual else (mode, "0:0")))
        if rights:
            return f"{rights} (a path of {package})"
        if entry.kind is EntryKind.LINK:
            target = self._target_of(path, entry.target)
            if md5 is not None:
                return f"it is a symbolic link, and {package} brings a file"
            is_there = target in self.contents.entries
            return (
                f"the link of {package} leads to `{entry.target}`, which no package owns"
                if is_there and not self._is_owned(target)
                else ""
            )
        if entry.kind is EntryKind.DEVICE:
            return f"it is a {entry.kind}, and {package} brings something else"
        if md5 is not None and (entry.kind is not EntryKind.FILE or entry.md5 != md5):
            return f"its contents are not those of {package}"
        return ""

    def _target_of(self, path: str, target: str) -> str:
        """Return the path in the image that a link leads to, by one step and /usr's links."""
        joined = posixpath.normpath(posixpath.join("/", posixpath.dirname(path), target))
        top, _, rest = joined.strip("/").partition("/")
        above = self.contents.entries.get(top)
        if rest and above is not None and above.kind is EntryKind.LINK:
            return posixpath.normpath(f"{above.target.strip('/')}/{rest}")
        return joined.strip("/")

    def _is_owned(self, path: str) -> bool:
        return path in self.dpkg.owners or self.added.find_listed(path, self.python) is not None

    def _is_beside_owned(self, path: str) -> bool:
        """Return whether it is dpkg's file about an installed package, or bytecode of a module."""
        if note := _OF_PACKAGE.fullmatch(path):
            return note["package"] in {each.name for each in self.dpkg.packages}
        match = _BYTECODE.fullmatch(path)
        if match is None:
            return False
        if match["module"] is None:
            return match["folder"] in self.contents.entries
        return self._is_owned(f"{match['folder']}/{match['module']}.py")
