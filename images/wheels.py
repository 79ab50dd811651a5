"""The files of an installed wheel (Binary Distribution Format 1.0), without installing it.

Every member is mapped to its place under the prefix. The bytes of most files are copied from the
wheel. Console scripts, scripts with a `#!python` line, INSTALLER and RECORD are made here.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import fnmatch
import hashlib
import importlib.metadata
import io
import os
import posixpath
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from installer.records import InvalidRecordEntry, RecordEntry
from installer.scripts import Script
from packaging.utils import canonicalize_name, canonicalize_version

from images import zip_reader
from images.locks import Wheel
from oci.tarball import Deflated
from runner import records
from runner.errors import ConfigError
from runner.untrusted import escape_unprintable

if TYPE_CHECKING:
    from installer.scripts import ScriptSection

INSTALLER = b"pytorch-cuda-images\n"
_LOCAL_HEADER_BYTES = 30

READ_BYTES = 64 << 20
"""The limit in bytes for a member that is read into memory: RECORD, entry_points.txt, a script in
Python. The longest RECORD of the locked wheels has 2 MB.
"""

MAX_SCRIPTS = 1000
_SCRIPT_SECTIONS: dict[str, ScriptSection] = {"console_scripts": "console", "gui_scripts": "gui"}
_FOR_OUR_PYTHON = b"#!python"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_OF_THE_ENVIRONMENT = re.compile(
    r"pyvenv\.cfg(?:/.*)?|lib64(?:/.*)?|bin/python[0-9.]*(?:/.*)?|bin/activate[^/]*(?:/.*)?"
    r"|bin|include|lib|lib/python[0-9.]+(?:/site-packages)?"
    r"|lib/python[0-9.]+/site-packages/(?:__pycache__/)?image_start\b[^/]*(?:/.*)?",
    re.IGNORECASE,
)
"""Files and folders that `python -m venv` and the OS layer make there.

No file of a wheel may have such a path.

`lib64` is a link to `lib`: a folder of that name would replace it.
"""

_UNREADABLE = (*zip_reader.UNREADABLE, csv.Error, AssertionError)
"""Exceptions that zipfile and `installer` raise if a wheel is malformed."""


@dataclass(frozen=True)
class Prefix:
    """A virtual environment inside the image. `root` has no leading slash, like paths in a tar.

    `left_out` holds pairs of a package and a glob pattern: the files of its wheel that match the
    pattern are not installed, and its RECORD does not name them.
    """

    root: str
    python: str
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def site_packages(self) -> str:
        """The folder of importable code."""
        return f"{self.root}/lib/python{self.python}/site-packages"

    def owns_path(self, path: str) -> bool:
        """Return whether a path belongs to the environment: no package may write it."""
        return _OF_THE_ENVIRONMENT.fullmatch(path.removeprefix(f"{self.root}/")) is not None

    def patterns_of(self, package: str) -> tuple[str, ...]:
        """Return the patterns of the files of a package that are not installed."""
        return tuple(pattern for name, pattern in self.left_out if name == package)

    def scheme_of(self, distribution: str) -> dict[str, str]:
        """Return the folder of each `.data` category; `distribution` has hyphens, as with pip."""
        return {
            "purelib": self.site_packages,
            "platlib": self.site_packages,
            "scripts": f"{self.root}/bin",
            "headers": f"{self.root}/include/site/python{self.python}/{distribution}",
            "data": self.root,
        }


@dataclass(frozen=True)
class InstalledFile:
    """A file of the image: a copy of the wheel's `member`, or `data` that is made here."""

    path: str
    mode: int
    member: str = ""
    data: bytes = b""


class OpenWheel:
    """A wheel that is open for reading, and was checked."""

    def __init__(self, wheel: Wheel, path: Path) -> None:
        self.wheel = wheel
        self._path = path
        with self._refuse_unreadable():
            self.file: BinaryIO = records.open_binary(path)
            self._zip = zipfile.ZipFile(self.file)
        if not all(info.filename for info in self._zip.infolist()):
            raise self.damage_error("it has a file without a name")
        listed = [info for info in self._zip.infolist() if not info.is_dir()]
        for info in listed:
            self._check_member(info)
        # by the shortest form of its name, as pip reads it: `./a//b` is `a/b`
        self._members = {posixpath.normpath(info.filename): info for info in listed}
        if len(self._members) != len(listed):
            raise self.damage_error("it has two files of one name")

    def __enter__(self) -> OpenWheel:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self.file.close()

    @property
    def member_names(self) -> tuple[str, ...]:
        """The names of all members, in the order of the zip's directory."""
        return tuple(self._members)

    def damage_error(self, why: str) -> ConfigError:
        """Return the error for a wheel that cannot be trusted."""
        hint = (
            "delete the file and run again; if the error stays, exclude this version in "
            f"requirements.in (`{self.wheel.name}!={self.wheel.version}`), or serve a corrected "
            "wheel of it from an index of your own (docs/adding-a-stack.md)"
        )
        return ConfigError(f"{self._path}: {why}", hint)

    def zip_name(self, member: str) -> str:
        """Return a member's name as the zip itself has it."""
        return self._members[member].filename

    def read_member(self, member: str) -> bytes:
        """Return a member's contents. Raises ConfigError if it has more than READ_BYTES."""
        if self._members[member].file_size > READ_BYTES:
            raise self.damage_error(f"`{member}` has more than {READ_BYTES >> 20} MB")
        with self._refuse_unreadable(member):
            return zip_reader.read_member(self._zip, self._members[member], READ_BYTES)

    def read_chunks(self, member: str) -> Iterator[bytes]:
        """Yield a member's contents in pieces. Raises ConfigError if it is damaged."""
        with self._refuse_unreadable(member):
            yield from zip_reader.iter_pieces(self._zip, self._members[member])

    def member_size(self, member: str) -> int:
        """Return the size in bytes of a member's contents, as the zip's directory states it."""
        return self._members[member].file_size

    def file_checksum(self, file: InstalledFile) -> tuple[int, int]:
        """Return the CRC-32 and the size in bytes of a file's contents, without unpacking it."""
        if not file.member:
            return zlib.crc32(file.data), len(file.data)
        info = self._members[file.member]
        return info.CRC, info.file_size

    def deflate_stream(self, member: str) -> Deflated | None:
        """Return a member's deflate stream in the file; None if it is compressed in no such way."""
        info = self._members[member]
        if info.compress_type != zipfile.ZIP_DEFLATED:
            return None
        with self._refuse_unreadable(member):
            self.file.seek(info.header_offset)
            name, extra = struct.unpack("<HH", self.file.read(_LOCAL_HEADER_BYTES)[26:30])
        start = info.header_offset + _LOCAL_HEADER_BYTES + name + extra
        return Deflated(self.file, start, info.compress_size, info.file_size, info.CRC)

    def installed_files(self, prefix: Prefix) -> tuple[InstalledFile, ...]:
        """Return all files of the installed wheel, sorted by path.

        Raises ConfigError if the wheel is malformed, or would write outside its places.
        """
        left_out = self._members_left_out(prefix)
        with self._refuse_unreadable(self._dist_info):
            scripts = self._index_files(self._console_scripts(prefix))
            placed = self._place_members(prefix, set(scripts))
            files = self._index_files(file for file in placed if file.member not in left_out)
            files |= scripts
            info = f"{prefix.site_packages}/{self._dist_info}"
            files[f"{info}/INSTALLER"] = InstalledFile(f"{info}/INSTALLER", 0o644, data=INSTALLER)
            record = self._make_record(prefix, f"{info}/RECORD", files)
        files[f"{info}/RECORD"] = InstalledFile(f"{info}/RECORD", 0o644, data=record)
        for path in files:
            if prefix.owns_path(path):
                raise self.damage_error(
                    f"one of its files would replace /{path}, which belongs to the environment"
                )
        return tuple(files[path] for path in sorted(files))

    def _members_left_out(self, prefix: Prefix) -> set[str]:
        """Return the members that the line leaves out. Raises ConfigError for an idle pattern."""
        found: set[str] = set()
        for pattern in prefix.patterns_of(canonicalize_name(self.wheel.name)):
            matched = set(fnmatch.filter(self._members, pattern))
            if not matched or any(name.startswith(self._dist_info) for name in matched):
                raise ConfigError(
                    f"images/catalog.yaml: left_out: `{pattern}` matches "
                    f"{'a file of .dist-info' if matched else 'no file'} of {self.wheel.file}",
                    "correct the pattern, or remove it",
                )
            found |= matched
        return found

    @contextlib.contextmanager
    def _refuse_unreadable(self, what: str = "") -> Iterator[None]:
        """Turn every exception that a malformed wheel causes into a ConfigError."""
        try:
            yield
        except _UNREADABLE as error:
            problem = " ".join(str(error).split())[:200] or type(error).__name__
            raise self.damage_error(f"{what}: {problem}" if what else problem) from None

    def _index_files(self, files: Iterable[InstalledFile]) -> dict[str, InstalledFile]:
        found: dict[str, InstalledFile] = {}
        for file in files:
            if found.setdefault(file.path, file) is not file:
                raise self.damage_error(f"two of its files would be /{file.path}")
        return found

    @cached_property
    def _dist_info(self) -> str:
        found = {
            name.partition("/")[0]
            for name in self._members
            if name.partition("/")[0].endswith(".dist-info")
        }
        if len(found) != 1:
            raise self.damage_error(f"{len(found)} .dist-info folders, not one")
        folder = found.pop()
        name, _, version = folder.removesuffix(".dist-info").partition("-")
        if _normalize_name(name, version) != _normalize_name(self.wheel.name, self.wheel.version):
            raise self.damage_error(
                f"its {folder} is not that of {self.wheel.name} {self.wheel.version}"
            )
        return folder

    def _check_member(self, info: zipfile.ZipInfo) -> None:
        if _CONTROL.search(info.filename):
            raise self.damage_error(
                f"`{escape_unprintable(info.filename, 200)}` has a control character in its name"
            )
        if not _is_inside(info.filename):
            raise self.damage_error(f"`{info.filename}` leaves the prefix, or has a backslash")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise self.damage_error(f"`{info.filename}` is a symbolic link")
        if not zip_reader.is_readable(info):
            raise self.damage_error(
                f"`{info.filename}` is encrypted, or compressed in a way that Python cannot read"
            )

    def _place_members(self, prefix: Prefix, made: set[str]) -> Iterator[InstalledFile]:
        """Yield the members in their places, without scripts in the place of a `made` one."""
        scheme = prefix.scheme_of(self._dist_info.partition("-")[0].replace("_", "-"))
        data = self._dist_info.removesuffix(".dist-info") + ".data/"
        for name, info in self._members.items():
            mode = 0o755 if (info.external_attr >> 16) & 0o111 else 0o644
            if not name.startswith(data):
                yield InstalledFile(f"{prefix.site_packages}/{name}", mode, member=name)
                continue
            category, _, rest = name.removeprefix(data).partition("/")
            if category not in scheme or not rest:
                raise self.damage_error(f"`{name}` is in an unknown category of .data")
            target = f"{scheme[category]}/{rest}"
            if category != "scripts":
                yield InstalledFile(target, mode, name)
                continue
            if target in made:  # pip, too, prefers the script that it makes
                continue
            start = zip_reader.read_start(self._zip, info, len(_FOR_OUR_PYTHON))
            if start == _FOR_OUR_PYTHON:
                _, _, script = self.read_member(name).partition(b"\n")
                script = f"#!/{prefix.root}/bin/python\n".encode() + script
                yield InstalledFile(target, 0o755, data=script)
            else:
                yield InstalledFile(target, 0o755, member=name)

    def _console_scripts(self, prefix: Prefix) -> Iterator[InstalledFile]:
        for number, script in enumerate(self._entry_points()):
            if number == MAX_SCRIPTS:
                raise self.damage_error(f"it has more than {MAX_SCRIPTS} scripts")
            if _CONTROL.search(f"{script.name}{script.module}{script.attr}"):
                raise self.damage_error(
                    f"its script `{escape_unprintable(script.name, 100)}` has a control character "
                    "in it"
                )
            if not _is_inside(script.name) or "/" in script.name:
                raise self.damage_error(f"its script `{script.name}` leaves bin/")
            _, body = script.generate(f"/{prefix.root}/bin/python", "posix")
            yield InstalledFile(f"{prefix.root}/bin/{script.name}", 0o755, data=body)

    def _entry_points(self) -> list[Script]:
        """Return the scripts that the wheel asks for. The last one of a name counts, as for pip."""
        member = f"{self._dist_info}/entry_points.txt"
        if member not in self._members:
            return []
        found = {}
        text = self.read_member(member).decode()
        try:
            points = _EntryPointsFile(text).entry_points
        except TypeError:  # of a line without `=`
            raise self.damage_error(f"{member}: it has a line that is not NAME = VALUE") from None
        for point in points:
            if point.group not in _SCRIPT_SECTIONS:
                continue
            read = point.pattern.match(point.value)
            if read is None or not read["attr"]:
                raise self.damage_error(
                    f"its script `{escape_unprintable(point.name, 100)}` calls "
                    f"`{escape_unprintable(point.value, 100)}`, which is not MODULE:FUNCTION"
                )
            section = _SCRIPT_SECTIONS[point.group]
            found[point.name] = Script(point.name, read["module"], read["attr"], section)
        return list(found.values())

    def _make_record(self, prefix: Prefix, record: str, files: dict[str, InstalledFile]) -> bytes:
        """Return RECORD for the installed files, with the wheel's own hashes of copied files."""
        stated = self._stated_hashes()
        rows = []
        for path, file in sorted(files.items()):
            if path != record:
                known = stated.get(file.member) or self._hash_file(file)
                rows.append((_record_path(path, prefix), *known))
        rows.append((_record_path(record, prefix), "", ""))
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue().encode()

    def _stated_hashes(self) -> dict[str, tuple[str, str]]:
        """Return hash and size of each file that the wheel's own RECORD states in a valid row.

        A file that it does not state is hashed, and what it states beyond the files of the wheel is
        left out: pip installs such wheels, and the lock has the hash of the whole wheel.
        """
        member = f"{self._dist_info}/RECORD"
        if member not in self._members:
            raise self.damage_error("it has no RECORD")
        # newline="": the ends of lines of CSV, not those of Unicode
        lines = io.StringIO(self.read_member(member).decode("utf-8-sig"), newline="")
        stated = {}
        for row in csv.reader(lines):
            with contextlib.suppress(InvalidRecordEntry, ValueError):
                name, hash_, size = row
                _, *known = RecordEntry.from_elements(name, hash_, size).to_row()
                stated[posixpath.normpath(name.replace("\\", "/"))] = (known[0], known[1])
        return stated

    def _hash_file(self, file: InstalledFile) -> tuple[str, str]:
        """Return hash and size of a file as RECORD has them."""
        digest, size = hashlib.sha256(), 0
        for chunk in self.read_chunks(file.member) if file.member else [file.data]:
            digest.update(chunk)
            size += len(chunk)
        return f"sha256={base64.urlsafe_b64encode(digest.digest()).rstrip(b'=').decode()}", str(
            size
        )


class _EntryPointsFile(importlib.metadata.Distribution):
    """A distribution that has only the text of entry_points.txt, which it parses as pip does."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read_text(self, filename: str) -> str | None:
        return self._text if filename == "entry_points.txt" else None

    def locate_file(self, path: str | os.PathLike[str]) -> Path:
        return Path(path)


def _normalize_name(name: str, version: str) -> tuple[str, str]:
    return canonicalize_name(name), canonicalize_version(version)


def _is_inside(path: str) -> bool:
    """Return whether a path names a file in its folder, on every system."""
    pure = PurePosixPath(path)
    is_relative = bool(pure.parts) and not pure.is_absolute()
    return is_relative and ".." not in pure.parts and "\\" not in path and "\0" not in path


def _record_path(path: str, prefix: Prefix) -> str:
    """Return a path as in RECORD: relative to site-packages."""
    if path.startswith(f"{prefix.site_packages}/"):
        return path.removeprefix(f"{prefix.site_packages}/")
    return "../../../" + path.removeprefix(f"{prefix.root}/")
