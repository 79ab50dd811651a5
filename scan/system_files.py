"""The OS layer, path by path: what dpkg lists with its checksum, and what owners.yaml lists.

Pure: the contents of the layer are an argument. dpkg's own database is part of the layer, so what
it lists is compared with the packages that the build stage recorded.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from images.debian import STATUS, installed_packages
from images.record import DebianPackage
from oci.layer_reader import EntryKind, LayerContents, LayerEntry
from scan.owners import LIST, Owners, describe_rights

INFO = "var/lib/dpkg/info/"
_TEXTS = re.compile(
    r"var/lib/(dpkg|apt|shells|python|pam|systemd)/?.*|etc/(?!ssl/).*|opt/venv/pyvenv\.cfg"
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
_BYTECODE = re.compile(r"(?P<folder>.+)/__pycache__(?:/(?P<module>[^/]+)\.cpython-\d+\.pyc)?")


@dataclass(frozen=True)
class PathFault:
    """A path that is not as it was assembled, and how: a sentence without its begin."""

    path: str
    what: str


@dataclass(frozen=True)
class DpkgFiles:
    """The content of dpkg's database: the package of each path, and the MD5 of its files."""

    packages: tuple[DebianPackage, ...] = ()
    owners: dict[str, str] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)


def wants_text(path: str) -> bool:
    """Return whether the text of a path is needed to check an OS layer."""
    return _TEXTS.fullmatch(path) is not None


def read_dpkg(contents: LayerContents) -> DpkgFiles:
    """Return what the layer's own dpkg database says, with paths as they are in the layer.

    /bin is a link to /usr/bin, and packages name their files by either.
    """
    status = contents.texts.get(STATUS, b"").decode(errors="replace")
    links = {
        path: posixpath.join(entry.target, "").lstrip("/")
        for path, entry in contents.entries.items()
        if "/" not in path and entry.kind is EntryKind.LINK
    }

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


def check_system_layer(
    contents: LayerContents, expected: Collection[DebianPackage], owners: Owners, python: str
) -> Iterator[PathFault]:
    """Yield every path of an OS layer that is not as its packages and owners.yaml say.

    `expected` are the packages that the build recorded, `python` is the version of the line.
    """
    dpkg = read_dpkg(contents)
    checker = _SystemChecker(contents, dpkg, owners, python)
    listed, built = set(dpkg.packages), set(expected)
    for package in sorted(listed ^ built, key=lambda each: each.name):
        where = "the build did not record" if package in listed else "dpkg does not list"
        yield PathFault(STATUS, f"{where} {package.name} {package.version}")
    for path, entry in contents.entries.items():
        if fault := checker.find_fault(path, entry):
            yield PathFault(path, fault)
    yield from checker.find_missing()
    for path in (*contents.removed, *contents.emptied):
        yield PathFault(path, "the OS layer removes it from the layers below")


@dataclass(frozen=True)
class _SystemChecker:
    contents: LayerContents
    dpkg: DpkgFiles
    owners: Owners
    python: str

    def find_fault(self, path: str, entry: LayerEntry) -> str:
        """Return what of a path is not as expected; empty if nothing is."""
        listed = self.owners.find_listed(path, self.python)
        if path in self.dpkg.owners and (listed is None or path in self.dpkg.sums):
            return self._check_debian(path, entry)
        if listed is not None:
            fault = listed.find_fault(entry, path, self.contents, self.python)
            if not fault and listed.owned and not self._is_owned(self._target_of(path, entry)):
                fault = f"the link leads to `{entry.target}`, which no package owns"
            return f"{fault} ({LIST}: {listed.why})" if fault else ""
        if self._is_beside_owned(path) or not path:
            usual = "0755" if entry.kind is EntryKind.FOLDER or entry.mode & 0o100 else "0644"
            return describe_rights(entry, usual, "0:0")
        return f"no Debian package owns it, and it is not in {LIST}"

    def find_missing(self) -> Iterator[PathFault]:
        """Yield the paths that packages or the list bring and the layer has not."""
        for path, package in self.dpkg.owners.items():
            is_there = path in self.contents.entries or path in ("", ".")
            if not is_there and not self.owners.is_left_out(path):
                yield PathFault(path, f"it is missing, and {package} brings it")
        for listed in self.owners.paths:
            if not (listed.required or listed.guest):
                continue
            pattern = re.compile(listed.path.replace("{python}", re.escape(self.python)))
            if not any(pattern.fullmatch(path) for path in self.contents.entries):
                yield PathFault(
                    listed.path.replace("\\", "").replace("{python}", self.python),
                    f"it is missing ({LIST}: {listed.why})",
                )

    def _check_debian(self, path: str, entry: LayerEntry) -> str:
        package, md5 = self.dpkg.owners[path], self.dpkg.sums.get(path)
        usual = self.owners.find_mode(path)
        mode = "0755" if entry.kind is EntryKind.FOLDER or entry.mode & 0o100 else "0644"
        rights = describe_rights(entry, *((usual.mode, usual.owner) if usual else (mode, "0:0")))
        if rights:
            return f"{rights} (a path of {package})"
        if entry.kind is EntryKind.LINK:
            target = self._target_of(path, entry)
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
        held = self.contents.entries.get(entry.target, entry) if entry.target else entry
        if md5 is not None and (entry.kind is not EntryKind.FILE or held.md5 != md5):
            return f"its contents are not those of {package}"
        return ""

    def _target_of(self, path: str, entry: LayerEntry) -> str:
        """Return the path inside the layer that a link leads to, by one step and /usr's links."""
        joined = posixpath.normpath(posixpath.join("/", posixpath.dirname(path), entry.target))
        top, _, rest = joined.strip("/").partition("/")
        above = self.contents.entries.get(top)
        if rest and above is not None and above.kind is EntryKind.LINK:
            return posixpath.normpath(f"{above.target.strip('/')}/{rest}")
        return joined.strip("/")

    def _is_owned(self, path: str) -> bool:
        return path in self.dpkg.owners or self.owners.find_listed(path, self.python) is not None

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
