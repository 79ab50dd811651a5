"""Trivy's vulnerability database, read without Trivy: which sources can judge a package, which
advisories it knows.

Trivy says what it found and never that it had nothing to look in: a database without Debian's
advisories finds as little as a clean image. So the database itself is asked. trivy.db is a bbolt
file: a B+ tree of pages, keys sorted, whose values may be buckets, trees of their own. The layout
is that of go.etcd.io/bbolt, internal/common/{page,meta, bucket}.go; there it is the machine's byte
order, which is little-endian wherever Trivy's databases are built.
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

from runner.errors import ConfigError

HINT = "fetch the database again"

_PAGE = struct.Struct("<QHHI")  # id, flags, entries, further pages it goes on for
_BRANCH, _LEAF = 0x01, 0x02  # a page's flags
_CHILD = struct.Struct(
    "<IIQ"
)  # entry of a branch: where its key is, counted from here, the key's size, a page's id
_ITEM = struct.Struct(
    "<IIII"
)  # entry of a leaf: flags, where its key is, sizes of the key and of the value behind it
_IS_BUCKET = 0x01  # an item's flag: the value is a bucket
_BUCKET = struct.Struct(
    "<QQ"
)  # id of its root page, a counter; root 0: the page itself follows ("inline")
_META = struct.Struct(
    "<4I6Q"
)  # magic, version, page size, flags, root bucket (2), free list, pages, transaction, sum
_MAGIC, _VERSION = 0xED0CDAED, 2
_PAGE_SIZES = tuple(
    1024 << power for power in range(15)
)  # those that bbolt's getPageSizeFromSecondMeta looks for
_FNV_OFFSET, _FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3  # FNV-1a, 64 bits
# levels; a tree of two keys a page would hold 4 billion. Deeper is a page that leads to itself
_DEEPEST = 32


@dataclass(frozen=True)
class _Item:
    """One key of a leaf; `value` is where in the file its value begins, `size` the bytes of it."""

    key: bytes
    is_bucket: bool
    value: int
    size: int


@dataclass(frozen=True)
class BoltFile:
    """An open bbolt file.

    A path names a key through its buckets: `get("debian 12", "bash", "CVE-2026-1")`.

    Every reading raises ConfigError where the file turns out to be damaged. `pages` is their
    number, `root` the id of the one to begin with; inside, a page is named by the byte it begins
    at, since an inline bucket's has no id.
    """

    path: Path
    data: mmap.mmap
    page_size: int
    pages: int
    root: int

    def buckets(self, *path: str) -> Iterator[str]:
        """The names of all that is in a bucket, sorted; none where there is no such bucket.

        No path: the whole file.
        """
        page = self._bucket(path)
        return (
            iter(())
            if page is None
            else (item.key.decode(errors="replace") for item in self._items(page))
        )

    def has(self, *path: str) -> bool:
        """Whether there is such a key or bucket."""
        return self._find(path) is not None

    def get(self, *path: str) -> bytes | None:
        """The value of a key; None where there is none, or where a bucket has that name."""
        item = self._find(path)
        return None if item is None or item.is_bucket else self._read(item.value, item.size)

    def _find(self, path: tuple[str, ...]) -> _Item | None:
        page = self._bucket(path[:-1])
        return None if page is None else self._search(page, path[-1].encode())

    def _bucket(self, path: tuple[str, ...]) -> int | None:
        """The root page of a bucket."""
        if not path:
            return self._page(self.root)
        item = self._find(path)
        if item is None or not item.is_bucket:
            return None
        root, _ = _BUCKET.unpack(self._read(item.value, _BUCKET.size))
        return self._page(root) if root else item.value + _BUCKET.size

    def _search(self, page: int, key: bytes) -> _Item | None:
        """The item of that key below `page`: by halves in each page, since a branch may have
        thousands of children.
        """
        for _ in range(_DEEPEST):
            flags, count = self._header(page)
            if flags == _LEAF:
                after = bisect_right(
                    range(count), key, key=lambda index: self._item(page, index).key
                )
                found = self._item(page, after - 1) if after else None
                return found if found and found.key == key else None
            after = bisect_right(range(count), key, key=lambda index: self._child(page, index)[0])
            page = self._page(self._child(page, max(0, after - 1))[1])
        raise self._damaged("its pages lead in a circle")

    def _items(self, page: int, depth: int = 0) -> Iterator[_Item]:
        """Every item below `page`, in order."""
        if depth > _DEEPEST:
            raise self._damaged("its pages lead in a circle")
        flags, count = self._header(page)
        for index in range(count):
            if flags == _LEAF:
                yield self._item(page, index)
            else:
                yield from self._items(self._page(self._child(page, index)[1]), depth + 1)

    def _child(self, page: int, index: int) -> tuple[bytes, int]:
        """The first key and the page's id of a child of a branch."""
        at = page + _PAGE.size + index * _CHILD.size
        position, size, number = _CHILD.unpack(self._read(at, _CHILD.size))
        return self._read(at + position, size), number

    def _item(self, page: int, index: int) -> _Item:
        at = page + _PAGE.size + index * _ITEM.size
        flags, position, key, value = _ITEM.unpack(self._read(at, _ITEM.size))
        return _Item(
            self._read(at + position, key), bool(flags & _IS_BUCKET), at + position + key, value
        )

    def _page(self, number: int) -> int:
        """Where a page begins. Each page says its own id, so a wrong way is noticed."""
        if (
            number >= self.pages
            or _PAGE.unpack(self._read(number * self.page_size, _PAGE.size))[0] != number
        ):
            raise self._damaged(f"page {number} is not there")
        return number * self.page_size

    def _header(self, page: int) -> tuple[int, int]:
        """Flags and number of entries. Only an empty bucket's leaf has none."""
        _, flags, count, _ = _PAGE.unpack(self._read(page, _PAGE.size))
        if flags == _LEAF or (flags == _BRANCH and count):
            return flags, count
        raise self._damaged(f"at byte {page} is no page of a tree")

    def _read(self, at: int, size: int) -> bytes:
        if at + size > len(self.data):
            raise self._damaged(f"it ends before byte {at + size}")
        return self.data[at : at + size]

    def _damaged(self, what: str) -> ConfigError:
        return ConfigError(f"{self.path} is damaged: {what}", HINT)


@contextmanager
def opened(path: Path) -> Iterator[BoltFile]:
    """Open a bbolt file to read.

    Raises ConfigError where it is missing, truncated or of another format.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", HINT) from None
    with file:
        if not file.seek(0, 2):  # which cannot be mapped
            raise ConfigError(f"{path} is empty", HINT)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield _bolt_file(path, data)


def assesses(path: Path, distribution: str) -> dict[str, str]:
    """Which source in a database judges packages of a type of package URL: `{"deb": "Debian
    Security Tracker"}`.

    `distribution` is as `scan.sbom.distribution_of` has it, `debian 12.15`. A type without a source
    is not in the answer. The buckets are those that Trivy asks: Debian's by its major version, and
    every one that begins with `pip::` (trivy's pkg/detector/ospkg/debian and pkg/detector/library).
    """
    debian = distribution.partition(".")[0]
    with opened(path) as file:
        filled = [name for name in file.buckets() if any(file.buckets(name))]
        asked = {
            "deb": [name for name in filled if name == debian and name.startswith("debian ")],
            "pypi": [name for name in filled if name.startswith("pip::")],
        }
        return {
            kind: ", ".join(_source(file, name) for name in names)
            for kind, names in asked.items()
            if names
        }


def knows(path: Path, advisory: str) -> bool:
    """Whether the database has an entry for an advisory's id, such as `CVE-2026-1`."""
    with opened(path) as file:
        return file.has("vulnerability", advisory)


def _source(file: BoltFile, bucket: str) -> str:
    """What the database calls the source of a bucket; the bucket's name where it does not say."""
    try:
        return str(json.loads(file.get("data-source", bucket) or b"{}").get("Name") or bucket)
    except (ValueError, AttributeError):
        raise ConfigError(
            f"{file.path} is damaged: the source of `{bucket}` cannot be read", HINT
        ) from None


def _bolt_file(path: Path, data: mmap.mmap) -> BoltFile:
    """Of the two meta pages the one of the later transaction: the other may be from before a
    crash.
    """
    metas = [meta for at in (0, *_PAGE_SIZES) if (meta := _meta(data, at))]
    if not metas:
        raise ConfigError(
            f"{path} is no vulnerability database (a bbolt file of version {_VERSION})", HINT
        )
    _, page_size, pages, root = max(metas)
    if len(data) < pages * page_size:
        raise ConfigError(f"{path} is truncated: {len(data)} of {pages * page_size} bytes", HINT)
    return BoltFile(path, data, page_size, pages, root)


def _meta(data: mmap.mmap, at: int) -> tuple[int, int, int, int] | None:
    """Transaction, page size, number of pages and id of the root page, if a valid meta page begins
    at `at`.
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
    """FNV-1a of 64 bits, the checksum of a meta page."""
    value = _FNV_OFFSET
    for byte in data:
        value = (value ^ byte) * _FNV_PRIME % 2**64
    return value
