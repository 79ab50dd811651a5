"""Reader for Trivy's vulnerability database: its advisory sources and advisories.

Trivy reports its findings, but not that the database lacks the advisories of a source: then it
finds nothing, as in a clean image. So the database itself is read. trivy.db is a bbolt file: a B+
tree of pages with sorted keys, whose values may be buckets, which are trees of their own. The
layout is that of go.etcd.io/bbolt, internal/common/{page,meta,bucket}.go. Its byte order is that of
the machine that wrote it; Trivy's databases are little-endian.
"""

from __future__ import annotations

import json
import mmap
import struct
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner import records
from runner.errors import ConfigError

HINT = "fetch the database again"

_PAGE = struct.Struct("<QHHI")  # id, flags, entries, further pages it goes on for
_BRANCH, _LEAF = 0x01, 0x02  # a page's flags
_CHILD = struct.Struct("<IIQ")
"""Entry of a branch: offset of its key from here, size of the key, id of a page."""
_ITEM = struct.Struct("<IIII")
"""Entry of a leaf: flags, offset of its key, sizes of the key and of the value behind it."""
_IS_BUCKET = 0x01  # an item's flag: the value is a bucket
_BUCKET = struct.Struct("<QQ")
"""Id of its root page, and a counter. If the id is 0, the page itself follows ("inline")."""
_META = struct.Struct("<4I6Q")
"""Magic, version, page size, flags, root bucket (2), free list, pages, transaction, checksum."""
_MAGIC, _VERSION = 0xED0CDAED, 2
_PAGE_SIZES = tuple(1024 << power for power in range(15))
"""Those that bbolt's getPageSizeFromSecondMeta tries."""
_FNV_OFFSET, _FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3  # FNV-1a, 64 bits
_MAX_DEPTH = 32
"""Maximum number of levels; with two keys a page 4 billion keys. A deeper tree has a cycle."""


@dataclass(frozen=True)
class _BoltItem:
    """One key of a leaf; `value` is the offset of its value in the file, `size` its bytes."""

    key: bytes
    is_bucket: bool
    value: int
    size: int


@dataclass(frozen=True)
class BoltFile:
    """An open bbolt file.

    A path names a key through its buckets: `get("debian 12", "bash", "CVE-2026-1")`.

    All methods raise ConfigError if the file is damaged. `pages` is the number of pages, `root` the
    id of the first one. The methods identify a page by its offset in the file, since an inline
    bucket's page has no id.
    """

    path: Path
    data: mmap.mmap
    page_size: int
    pages: int
    root: int

    def list_names(self, *path: str) -> Iterator[str]:
        """Return the sorted names in a bucket; none if there is no such bucket.

        Without a path those of the whole file.
        """
        page = self._bucket_root(path)
        return (
            iter(())
            if page is None
            else (item.key.decode(errors="replace") for item in self._iterate_items(page))
        )

    def has_key(self, *path: str) -> bool:
        """Return whether there is such a key or bucket."""
        return self._find_item(path) is not None

    def get_value(self, *path: str) -> bytes | None:
        """Return the value of a key; None if there is none, or if it is a bucket."""
        item = self._find_item(path)
        return None if item is None or item.is_bucket else self._read_bytes(item.value, item.size)

    def _find_item(self, path: tuple[str, ...]) -> _BoltItem | None:
        page = self._bucket_root(path[:-1])
        return None if page is None else self._search_page(page, path[-1].encode())

    def _bucket_root(self, path: tuple[str, ...]) -> int | None:
        """Return the offset of a bucket's root page; None if there is no such bucket."""
        if not path:
            return self._page_offset(self.root)
        item = self._find_item(path)
        if item is None or not item.is_bucket:
            return None
        root, _ = _BUCKET.unpack(self._read_bytes(item.value, _BUCKET.size))
        return self._page_offset(root) if root else item.value + _BUCKET.size

    def _search_page(self, page: int, key: bytes) -> _BoltItem | None:
        """Return the item of a key below `page`; None if there is none.

        A page is searched by bisection, since it may have thousands of entries.
        """
        for _ in range(_MAX_DEPTH):
            flags, count = self._read_header(page)
            if flags == _LEAF:
                after = bisect_right(
                    range(count), key, key=lambda index: self._read_item(page, index).key
                )
                found = self._read_item(page, after - 1) if after else None
                return found if found and found.key == key else None
            after = bisect_right(
                range(count), key, key=lambda index: self._read_child(page, index)[0]
            )
            page = self._page_offset(self._read_child(page, max(0, after - 1))[1])
        raise self._damage_error("its pages form a cycle")

    def _iterate_items(self, page: int, depth: int = 0) -> Iterator[_BoltItem]:
        """Yield every item below `page`, in order."""
        if depth > _MAX_DEPTH:
            raise self._damage_error("its pages form a cycle")
        flags, count = self._read_header(page)
        for index in range(count):
            if flags == _LEAF:
                yield self._read_item(page, index)
            else:
                yield from self._iterate_items(
                    self._page_offset(self._read_child(page, index)[1]), depth + 1
                )

    def _read_child(self, page: int, index: int) -> tuple[bytes, int]:
        """Return first key and page id of a child of a branch."""
        at = page + _PAGE.size + index * _CHILD.size
        position, size, number = _CHILD.unpack(self._read_bytes(at, _CHILD.size))
        return self._read_bytes(at + position, size), number

    def _read_item(self, page: int, index: int) -> _BoltItem:
        at = page + _PAGE.size + index * _ITEM.size
        flags, position, key, value = _ITEM.unpack(self._read_bytes(at, _ITEM.size))
        return _BoltItem(
            self._read_bytes(at + position, key),
            bool(flags & _IS_BUCKET),
            at + position + key,
            value,
        )

    def _page_offset(self, number: int) -> int:
        """Return the offset of a page. Each page holds its own id, which is compared."""
        if (
            number >= self.pages
            or _PAGE.unpack(self._read_bytes(number * self.page_size, _PAGE.size))[0] != number
        ):
            raise self._damage_error(f"page {number} is not there")
        return number * self.page_size

    def _read_header(self, page: int) -> tuple[int, int]:
        """Return flags and number of entries. Only the leaf of an empty bucket has none."""
        _, flags, count, _ = _PAGE.unpack(self._read_bytes(page, _PAGE.size))
        if flags == _LEAF or (flags == _BRANCH and count):
            return flags, count
        raise self._damage_error(f"at byte {page} there is no page of a tree")

    def _read_bytes(self, at: int, size: int) -> bytes:
        if at + size > len(self.data):
            raise self._damage_error(f"it ends before byte {at + size}")
        return self.data[at : at + size]

    def _damage_error(self, what: str) -> ConfigError:
        return ConfigError(f"{self.path} is damaged: {what}", HINT)


@contextmanager
def open_database(path: Path) -> Iterator[BoltFile]:
    """Open a bbolt file for reading.

    Raises ConfigError if it is missing, truncated or of another format.
    """
    try:
        file = records.open_binary(path)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", HINT) from None
    with file:
        if not file.seek(0, 2):  # which cannot be mapped
            raise ConfigError(f"{path} is empty", HINT)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield _parse_bolt_file(path, data)


def find_sources(path: Path, distribution: str) -> dict[str, str]:
    """Return the advisory source of each type of package URL: `{"deb": "Debian Security Tracker"}`.

    `distribution` is that of `scan.sbom.read_distribution`, for instance `debian 12.15`. A type
    without a source is left out. The buckets are those that Trivy reads: Debian's by its major
    version, and all that begin with `pip::` (trivy's pkg/detector/ospkg/debian and
    pkg/detector/library).
    """
    debian = distribution.partition(".")[0]
    with open_database(path) as file:
        filled = [name for name in file.list_names() if any(file.list_names(name))]
        queries = {
            "deb": [name for name in filled if name == debian and name.startswith("debian ")],
            "pypi": [name for name in filled if name.startswith("pip::")],
        }
        return {
            kind: ", ".join(_source_name(file, name) for name in names)
            for kind, names in queries.items()
            if names
        }


def knows_advisory(path: Path, advisory: str) -> bool:
    """Return whether the database has an entry for the id of an advisory, such as `CVE-2026-1`."""
    with open_database(path) as file:
        return file.has_key("vulnerability", advisory)


def _source_name(file: BoltFile, bucket: str) -> str:
    """Return the name of a bucket's source; the name of the bucket if the database has none."""
    try:
        return str(json.loads(file.get_value("data-source", bucket) or b"{}").get("Name") or bucket)
    except (ValueError, AttributeError):
        raise ConfigError(
            f"{file.path} is damaged: the source of `{bucket}` cannot be read", HINT
        ) from None


def _parse_bolt_file(path: Path, data: mmap.mmap) -> BoltFile:
    """Return the open file, by the meta page of the later transaction.

    A file has two meta pages; the other one may be from before a crash.
    """
    metas = [meta for at in (0, *_PAGE_SIZES) if (meta := _read_meta(data, at))]
    if not metas:
        raise ConfigError(
            f"{path} is not a vulnerability database (a bbolt file of version {_VERSION})", HINT
        )
    _, page_size, pages, root = max(metas)
    if len(data) < pages * page_size:
        raise ConfigError(f"{path} is truncated: {len(data)} of {pages * page_size} bytes", HINT)
    return BoltFile(path, data, page_size, pages, root)


def _read_meta(data: mmap.mmap, at: int) -> tuple[int, int, int, int] | None:
    """Return transaction, page size, number of pages and id of the root page.

    They are read from the meta page at byte `at`; None if there is no valid one.
    """
    raw = data[at + _PAGE.size : at + _PAGE.size + _META.size]
    if len(raw) < _META.size:
        return None
    magic, version, page_size, _, root, _, _, pages, transaction, checksum = _META.unpack(raw)
    if (magic, version, checksum) != (_MAGIC, _VERSION, fnv1a(raw[:-8])) or at not in (
        0,
        page_size,
    ):
        return None
    return transaction, page_size, pages, root


def fnv1a(data: bytes) -> int:
    """Return the FNV-1a checksum (64 bits) that a meta page has."""
    value = _FNV_OFFSET
    for byte in data:
        value = (value ^ byte) * _FNV_PRIME % 2**64
    return value
