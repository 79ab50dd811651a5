"""Trivy's vulnerability database with planted advisories: a bbolt file that Trivy itself opens, and
its metadata.

What is in which bucket is trivy-db's, pkg/types and pkg/db; the pages are those that
`scan.database` reads. Nested buckets of up to a quarter page stand inside their parent, as bbolt
writes them.
"""

from __future__ import annotations

import datetime
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Union

from packageurl import PackageURL

from scan.canaries import load_canaries
from scan.database import fnv1a

PIP = "pip::GitHub Security Advisory Pip"
DEBIAN_SOURCE = {
    "ID": "debian",
    "Name": "Debian Security Tracker",
    "URL": "https://salsa.debian.org",
}
PIP_SOURCE = {
    "ID": "ghsa",
    "Name": "GitHub Security Advisory Pip",
    "URL": "https://github.com/advisories",
}
SEVERITIES = ("UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL")
STATUSES = (
    "unknown",
    "not_affected",
    "affected",
    "fixed",
    "under_investigation",
    "will_not_fix",
    "fix_deferred",
)
SCHEMA_VERSION = 2
PAGE_BYTES = 4096

_BRANCH, _LEAF, _META, _FREE = 0x01, 0x02, 0x04, 0x10
_HEADER_BYTES = _ENTRY_BYTES = 16

Tree = Mapping[str, Union["Tree", bytes]]


@dataclass(frozen=True)
class DebianAdvisory:
    """`package` is a source package. Without `fixed_version` every version is vulnerable.

    `status` says why there is no fix; `severity` is Debian's own for this package, where it
    differs.
    """

    id: str
    package: str
    fixed_version: str = ""
    status: str = "unknown"
    severity: str = "UNKNOWN"
    release: str = "12"

    def place(self) -> tuple[str, str, str]:
        """The buckets and the key it is under."""
        return f"debian {self.release}", self.package, self.id

    def content(self) -> dict[str, Any]:
        """As trivy-db stores it: what is empty is left out, status and severity are numbers."""
        status, severity = STATUSES.index(self.status), SEVERITIES.index(self.severity)
        fields = {"FixedVersion": self.fixed_version, "Status": status, "Severity": severity}
        return {name: value for name, value in fields.items() if value}


@dataclass(frozen=True)
class PipAdvisory:
    """`package` as PyPI normalises it; `vulnerable` and `patched` are ranges: `(">= 1.0, < 1.2",)`
    and `("1.2",)`.
    """

    id: str
    package: str
    vulnerable: tuple[str, ...]
    patched: tuple[str, ...] = ()

    def place(self) -> tuple[str, str, str]:
        """The buckets and the key it is under."""
        return PIP, self.package, self.id

    def content(self) -> dict[str, Any]:
        """As trivy-db stores it."""
        return {"VulnerableVersions": self.vulnerable, "PatchedVersions": self.patched}


@dataclass(frozen=True)
class Vulnerability:
    """What is said of an advisory's id wherever it applies.

    `published` is ISO 8601, empty where nobody knows.
    """

    id: str
    title: str = "a planted vulnerability"
    severity: str = "HIGH"
    vendors: Mapping[str, str] = field(default_factory=dict)
    published: str = "2026-01-02T03:04:05Z"

    def content(self) -> dict[str, Any]:
        """As trivy-db stores it."""
        vendors = {source: SEVERITIES.index(severity) for source, severity in self.vendors.items()}
        said = {"Title": self.title, "Severity": self.severity, "VendorSeverity": vendors}
        return {**said, **({"PublishedDate": self.published} if self.published else {})}


def write(
    folder: Path,
    advisories: Sequence[DebianAdvisory | PipAdvisory],
    vulnerabilities: Sequence[Vulnerability] | None = None,
    *,
    updated_at: datetime.datetime | None = None,
    schema: int = SCHEMA_VERSION,
    canaries: bool = False,
) -> Path:
    """Write trivy.db and metadata.json into `folder` (`CACHE/db` for Trivy); returns trivy.db.

    Without `vulnerabilities` each advisory gets one of the defaults. `updated_at` is now where it
    is not given. With `canaries` it knows those of scan/canaries.yaml too, for each kind of package
    that it has an advisory for. A bucket nobody has an advisory for is not there.
    """
    if vulnerabilities is None:
        vulnerabilities = [
            Vulnerability(name) for name in sorted({advisory.id for advisory in advisories})
        ]
    if canaries:
        kinds = {type(each) for each in advisories}
        known = [each for each in canary_advisories() if type(each) in kinds]
        more = {each.id for each in known} - {each.id for each in vulnerabilities}
        advisories = [*known, *advisories]
        vulnerabilities = [*vulnerabilities, *(Vulnerability(name) for name in sorted(more))]
    tree: dict[str, dict[str, Any]] = {"data-source": {}, "vulnerability": {}}
    for advisory in advisories:
        bucket, package, name = advisory.place()
        tree.setdefault(bucket, {}).setdefault(package, {})[name] = _json(advisory.content())
        tree["data-source"][bucket] = _json(PIP_SOURCE if bucket == PIP else DEBIAN_SOURCE)
    tree["vulnerability"] = {each.id: _json(each.content()) for each in vulnerabilities}
    folder.mkdir(parents=True, exist_ok=True)
    _write_metadata(folder, updated_at or datetime.datetime.now(datetime.UTC), schema)
    database = folder / "trivy.db"
    database.write_bytes(bolt(tree))
    return database


def canary_advisories() -> Iterator[DebianAdvisory | PipAdvisory]:
    """The advisories of scan/canaries.yaml, on PyPI for the very versions that are asked about."""
    versions: dict[tuple[str, str, str], list[str]] = {}
    for each in load_canaries().canaries:
        purl = PackageURL.from_string(each.package)
        if purl.type == "pypi":
            versions.setdefault((each.id, purl.name, each.fixed), []).append(f"= {purl.version}")
        else:
            release = str(purl.qualifiers["distro"]).rpartition("-")[2]
            yield DebianAdvisory(each.id, purl.name, each.fixed, release=release)
    for (id_, package, fixed), vulnerable in versions.items():
        yield PipAdvisory(id_, package, tuple(vulnerable), (fixed,))


def bolt(tree: Tree) -> bytes:
    """A bbolt file that holds `tree`: a mapping is a bucket, bytes are a value."""
    pages = [b"", b"", _page(2, _FREE, 0, b"")]
    root = _add_tree(pages, tree)
    pages[0], pages[1] = (
        _page(number, _META, 0, _meta(root, len(pages), number)) for number in (0, 1)
    )
    return b"".join(pages)


@dataclass(frozen=True)
class _Entry:
    """Of a leaf with `value` and `is_bucket`; of a branch with `child`, the id of the page."""

    key: bytes
    value: bytes = b""
    is_bucket: bool = False
    child: int = 0

    def head(self, kind: int, at: int) -> bytes:
        """What stands in the page's index; `at` is how far from there the key is."""
        if kind == _BRANCH:
            return struct.pack("<IIQ", at, len(self.key), self.child)
        return struct.pack("<IIII", self.is_bucket, at, len(self.key), len(self.value))


def _add_tree(pages: list[bytes], tree: Tree) -> int:
    """Add a bucket's pages to those of the file; the id of its root page."""
    level = _add_level(pages, _LEAF, _entries(pages, tree))
    while len(level) > 1:
        level = _add_level(pages, _BRANCH, level)
    return level[0].child


def _add_level(pages: list[bytes], kind: int, entries: Sequence[_Entry]) -> list[_Entry]:
    """Add one level of a tree; its pages as the entries of the level above."""
    above = []
    for part in _split(entries):
        number = len(pages)
        above.append(_Entry(part[0].key if part else b"", child=number))
        whole = _page(number, kind, len(part), _body(kind, part))
        pages += [whole[at : at + PAGE_BYTES] for at in range(0, len(whole), PAGE_BYTES)]
    return above


def _split(entries: Sequence[_Entry]) -> Iterator[list[_Entry]]:
    """By page.

    One too large for a page has pages of its own, and an empty bucket has one empty page.
    """
    part: list[_Entry] = []
    left = PAGE_BYTES - _HEADER_BYTES
    for entry in entries:
        size = _ENTRY_BYTES + len(entry.key) + len(entry.value)
        if part and size > left:
            yield part
            part, left = [], PAGE_BYTES - _HEADER_BYTES
        part.append(entry)
        left -= size
    yield part


def _entries(pages: list[bytes], tree: Tree) -> list[_Entry]:
    """A bucket's leaf entries, sorted as bbolt wants them; what is in buckets among them is added
    to the file.
    """
    named = sorted((name.encode(), held) for name, held in tree.items())
    return [
        _Entry(key, held)
        if isinstance(held, bytes)
        else _Entry(key, _bucket(pages, held), is_bucket=True)
        for key, held in named
    ]


def _bucket(pages: list[bytes], tree: Tree) -> bytes:
    """A bucket as a value: the id of its root page, or 0 and the page itself where it is small and
    holds no other.
    """
    if all(isinstance(held, bytes) for held in tree.values()):
        entries = _entries(pages, tree)
        inline = _header(0, _LEAF, len(entries)) + _body(_LEAF, entries)
        if len(inline) <= PAGE_BYTES // 4:
            return struct.pack("<QQ", 0, 0) + inline
    return struct.pack("<QQ", _add_tree(pages, tree), 0)


def _body(kind: int, entries: Sequence[_Entry]) -> bytes:
    index, data = b"", b""
    for number, entry in enumerate(entries):
        index += entry.head(kind, (len(entries) - number) * _ENTRY_BYTES + len(data))
        data += entry.key + entry.value
    return index + data


def _page(number: int, kind: int, entries: int, body: bytes) -> bytes:
    """One page, or several where `body` is larger than one."""
    further = (_HEADER_BYTES + len(body) - 1) // PAGE_BYTES
    return (_header(number, kind, entries, further) + body).ljust((further + 1) * PAGE_BYTES, b"\0")


def _header(number: int, kind: int, entries: int, further: int = 0) -> bytes:
    return struct.pack("<QHHI", number, kind, entries, further)


def _meta(root: int, pages: int, transaction: int) -> bytes:
    """Magic, version, page size, flags, root bucket, free list's page, number of pages,
    transaction, checksum.
    """
    said = struct.pack("<4I5Q", 0xED0CDAED, 2, PAGE_BYTES, 0, root, 0, 2, pages, transaction)
    return said + struct.pack("<Q", fnv1a(said))


def _write_metadata(folder: Path, updated_at: datetime.datetime, schema: int) -> None:
    stamp, later = (
        f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (updated_at, updated_at + datetime.timedelta(days=1))
    )
    said = {"Version": schema, "UpdatedAt": stamp, "NextUpdate": later, "DownloadedAt": stamp}
    (folder / "metadata.json").write_text(json.dumps(said))


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode()
