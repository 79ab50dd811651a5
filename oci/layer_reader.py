"""The contents of one layer of an image: every entry of its tar, read in one pass from a registry.

Whoever made the image chose these bytes. Nothing is unpacked, the memory for names and texts is
bounded, and contents are only hashed, except for small files that a caller wants to read.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import accumulate
from typing import Protocol, cast

from isal import igzip

from oci.manifest import Descriptor
from oci.registry import Registry
from oci.tarball import CHUNK_BYTES, StreamError
from runner.untrusted import Malformed, clean_line

MAX_ENTRIES = 1_000_000
"""Entries of one layer. The largest layer of the family has 12,000."""
MAX_NAME_BYTES = 256 << 20
"""Bytes of all names, links and extended attributes of one layer."""
MAX_HEADER_BYTES = 1 << 20
"""Bytes of one header with extended attributes and long names."""
MAX_LAYER_BYTES = 64 << 30
"""Bytes of one uncompressed layer. The largest one of the family has 2 GB."""
MAX_PATH_CHARACTERS = 4096
"""Characters of one path, as many bytes as Linux takes."""
MAX_TEXT_BYTES = 4 << 20
MD5_BYTES = 64 << 20
MAX_TEXTS_BYTES = 128 << 20

XATTR = "SCHILY.xattr."
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
WHITEOUT = ".wh."
"""The prefix of a file that removes a file of a layer below (image-spec, layer.md)."""

_OPAQUE = ".wh..wh..opq"


class EntryKind(StrEnum):
    """Kind of an entry, as a sentence names it. A hard link is a `FILE` with a target."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "symbolic link"
    DEVICE = "device or FIFO"


_KINDS = {
    tarfile.REGTYPE: EntryKind.FILE,
    tarfile.AREGTYPE: EntryKind.FILE,
    tarfile.CONTTYPE: EntryKind.FILE,
    tarfile.LNKTYPE: EntryKind.FILE,
    tarfile.DIRTYPE: EntryKind.FOLDER,
    tarfile.SYMTYPE: EntryKind.LINK,
}


@dataclass(frozen=True)
class LayerEntry:
    """One path of a layer.

    `mode` has the permission bits. `target` is that of a link; of a hard link it is a path inside
    the image. `size` is in bytes, `sha256` and `md5` are of the contents in hexadecimal digits,
    empty if there are none. `attributes` are the names of its extended attributes.
    """

    kind: EntryKind
    mode: int
    uid: int
    gid: int
    size: int = 0
    target: str = ""
    sha256: str = ""
    md5: str = ""
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LayerContents:
    """Everything in one layer, by path without a slash at its begin.

    `removed` are the paths that it removes of the layers below, `emptied` the folders of which it
    hides all that is below. `texts` are the contents of the files that the caller wanted.
    """

    entries: dict[str, LayerEntry] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    texts: dict[str, bytes] = field(default_factory=dict)


def read_layer(
    registry: Registry, repository: str, layer: Descriptor, wanted: Callable[[str], bool]
) -> LayerContents:
    """Return the contents of a layer. `wanted` says of which paths the text is kept.

    MD5 is that of files of up to MD5_BYTES: dpkg has no other hash.

    Raises Malformed if it is no layer that can be read or is larger than the bounds, and
    RegistryError if the registry fails or serves other bytes than those of the digest.
    """
    return parse_layer(registry.iter_blob(repository, layer), wanted)


def parse_layer(
    chunks: Iterable[bytes], wanted: Callable[[str], bool], md5_bytes: int = MD5_BYTES
) -> LayerContents:
    """Return the contents of a layer, or of a whole file system, whose tar is in `chunks`.

    Files of more than `md5_bytes` have no MD5. Raises Malformed as `read_layer`.
    """
    source = _ChunkFile(iter(chunks))
    start = source.peek(4)
    if start.startswith(_ZSTD):
        raise Malformed("it is compressed with zstd, which this command does not read")
    opened = igzip.IGzipFile(fileobj=source, mode="rb") if start.startswith(_GZIP) else source  # type: ignore[no-untyped-call] # isal has no types
    plain = cast(_Readable, opened)
    reader = _EntryReader(_ForwardFile(plain), wanted, md5_bytes)
    try:
        with tarfile.open(fileobj=reader.file, mode="r:") as archive:  # type: ignore[call-overload] # it reads, and nothing else is called
            for entry in archive:
                archive.members.clear()  # otherwise all headers of the layer stay in memory
                if archive.pax_headers:  # `tarfile` applies them to names, and engines do not
                    raise Malformed("it has a global header, which engines read in other ways")
                reader.add_entry(entry)
        reader.file.require_end()
    except (tarfile.TarError, EOFError, ValueError, OverflowError, UnicodeError) as error:
        raise Malformed(f"it is no complete tar archive: {clean_line(str(error))}") from None
    except (OSError, StreamError) as error:
        raise Malformed(f"it cannot be decompressed: {clean_line(str(error))}") from None
    while source.read(CHUNK_BYTES):
        pass
    return reader.finish_layer()


def merge_layers(layers: Sequence[LayerContents]) -> LayerContents:
    """Return the file system that layers make together; the first one is the lowest.

    A hard link has the contents of its file in the layer that has the link.
    """
    entries: dict[str, LayerEntry] = {}
    texts: dict[str, bytes] = {}
    for layer in layers:
        for path in list_hidden(entries, layer):
            del entries[path]
        files = {**entries, **layer.entries}
        for path, entry in layer.entries.items():
            entries[path] = share_contents(entry, files.get(entry.target))
        kept = {path: text for path, text in texts.items() if path in entries}
        texts = {path: text for path, text in kept.items() if path not in layer.entries}
        texts |= layer.texts
    return LayerContents(entries, texts=texts)


def share_contents(entry: LayerEntry, held: LayerEntry | None) -> LayerEntry:
    """Return a file with the contents of `held`, if it is a hard link to it."""
    is_linked = entry.kind is EntryKind.FILE and entry.target and held is not None
    return replace(held, target="") if is_linked and held else entry


def list_hidden(below: Mapping[str, LayerEntry], layer: LayerContents) -> list[str]:
    """Return the paths of the file system `below` a layer that are no longer there with it."""
    gone = set(layer.removed)
    for path, entry in layer.entries.items():
        replaced = below.get(path)
        if replaced and replaced.kind is EntryKind.FOLDER and entry.kind is not EntryKind.FOLDER:
            gone.add(path)  # what was below the folder is gone with it
    return [path for path in below if is_hidden(path, gone, layer.emptied)]


def is_hidden(path: str, gone: Set[str], emptied: Sequence[str]) -> bool:
    """Return whether a layer that removes `gone` and empties folders hides a path below it."""
    if not gone and not emptied:
        return False
    above = list(accumulate(path.split("/"), "{}/{}".format))
    return any(each in gone for each in above) or any(each in emptied for each in ("", *above[:-1]))


class _Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; none at the end."""


class _ChunkFile(io.RawIOBase):
    """Chunks as a file that is read forwards."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._held = b""

    def readable(self) -> bool:
        return True

    def peek(self, count: int) -> bytes:
        while len(self._held) < count and (chunk := next(self._chunks, b"")):
            self._held += chunk
        return self._held[:count]

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, as a raw file does."""
        if not self._held:
            self._held = next(self._chunks, b"")
        found, self._held = self._held[:size], self._held[size:]
        return found

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # bytes, as `tarfile` and `gzip` want them
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


class _ForwardFile:
    """A stream that `tarfile` takes for a file with places, of which it only skips forwards."""

    def __init__(self, source: _Readable) -> None:
        self._source = source
        self._at = 0
        self._last = b""

    def tell(self) -> int:
        return self._at

    def seek(self, place: int) -> int:
        if place < self._at:
            raise Malformed("its entries overlap")
        while self._at < place:
            if not self._take(min(CHUNK_BYTES, place - self._at)):
                break
        return self._at

    def read(self, size: int) -> bytes:
        if size > MAX_HEADER_BYTES:  # a header says how long it is, and is held in memory
            raise Malformed(f"a header of more than {MAX_HEADER_BYTES:,} bytes")
        found = self._take(size)
        while len(found) < size and (more := self._take(size - len(found))):
            found += more
        self._last = found
        return found

    def require_end(self) -> None:
        """Read the rest, which must be zeros.

        `tarfile` takes a damaged header for the end of the archive, and an engine may not.
        """
        rest = self._last
        while rest:
            if rest.strip(b"\0"):
                raise Malformed("it has more bytes after the end of its archive")
            rest = self._take(CHUNK_BYTES)

    def _take(self, size: int) -> bytes:
        found = self._source.read(size)
        self._at += len(found)
        if self._at > MAX_LAYER_BYTES:
            raise Malformed(f"more than {MAX_LAYER_BYTES:,} uncompressed bytes")
        return found


class _EntryReader:
    """Collects the entries of one layer."""

    def __init__(self, file: _ForwardFile, wanted: Callable[[str], bool], md5_bytes: int) -> None:
        self.file = file
        self._md5_bytes = md5_bytes
        self._wanted = wanted
        self._contents = LayerContents()
        self._removed: list[str] = []
        self._emptied: list[str] = []
        self._name_bytes = self._text_bytes = self._count = 0

    def add_entry(self, entry: tarfile.TarInfo) -> None:
        path = _path_of(entry)
        attributes = tuple(
            sorted(
                key.removeprefix(XATTR)[:200] for key in entry.pax_headers if key.startswith(XATTR)
            )
        )
        self._count += 1
        self._name_bytes += len(path) + len(entry.linkname) + sum(map(len, attributes))
        if self._count > MAX_ENTRIES or self._name_bytes > MAX_NAME_BYTES:
            raise Malformed(f"more than {MAX_ENTRIES:,} entries, or longer names than allowed")
        folder, _, name = path.rpartition("/")
        if name == _OPAQUE:
            self._emptied.append(folder)
        elif name in (WHITEOUT, f"{WHITEOUT}.", f"{WHITEOUT}.."):  # of the folder, or above it
            raise Malformed(f"`{clean_line(path, 100)}` removes no path by its name")
        elif name.startswith(WHITEOUT):
            self._removed.append(f"{folder}/{name.removeprefix(WHITEOUT)}".lstrip("/"))
        else:
            kind = _KINDS.get(entry.type, EntryKind.DEVICE)
            is_plain = kind is EntryKind.FILE and entry.type != tarfile.LNKTYPE
            sums = self._read_file(path, entry) if is_plain else ("", "")
            size = entry.size if is_plain else 0
            target = _inside_path(entry.linkname) if entry.islnk() else entry.linkname
            mode = entry.mode & 0o7777
            known = self._contents.entries.get(path)
            if known and {known.kind, kind} != {EntryKind.FOLDER}:
                # A hard link between the two has the bytes of the first one, the path of the last
                raise Malformed(f"it has `{clean_line(path, 100)}` twice")
            self._contents.entries[path] = LayerEntry(
                kind, mode, entry.uid, entry.gid, size, target, *sums, attributes
            )

    def finish_layer(self) -> LayerContents:
        found = self._contents
        removed = set(self._removed)
        for path in found.entries if removed else ():
            if is_hidden(path, removed, ()):  # engines keep it or not, by the order of both
                raise Malformed(f"it has `{clean_line(path, 100)}` and removes it")
        return LayerContents(found.entries, tuple(self._removed), tuple(self._emptied), found.texts)

    def _read_file(self, path: str, entry: tarfile.TarInfo) -> tuple[str, str]:
        """Return the SHA-256 and the MD5 of a file; keep its text if it is wanted."""
        is_kept = self._wanted(path) and entry.size <= MAX_TEXT_BYTES
        has_md5 = entry.size <= self._md5_bytes
        sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        text = bytearray()
        self.file.seek(entry.offset_data)
        left = entry.size
        while left:
            chunk = self.file.read(min(left, MAX_HEADER_BYTES))
            if not chunk:
                raise Malformed("it ends in the middle of a file")
            left -= len(chunk)
            sha256.update(chunk)
            if has_md5:
                md5.update(chunk)
            if is_kept:
                text += chunk
        if is_kept:
            self._text_bytes += len(text)
            if self._text_bytes > MAX_TEXTS_BYTES:
                raise Malformed(f"texts of more than {MAX_TEXTS_BYTES:,} bytes")
            self._contents.texts[path] = bytes(text)
        return sha256.hexdigest(), md5.hexdigest() if has_md5 else ""


def _path_of(entry: tarfile.TarInfo) -> str:
    """Return the path of an entry, as all engines read it. Raises Malformed if they may differ."""
    # `tarfile` takes a name from these headers, also for a file that is not sparse
    strange = ("GNU.sparse.", "hdrcharset")
    for key in entry.pax_headers:
        if key.startswith(strange):
            name, header = clean_line(entry.name, 100), clean_line(key, 50)
            raise Malformed(f"`{name}` has the header `{header}`, which engines read in other ways")
    if entry.issparse():
        raise Malformed(f"`{clean_line(entry.name, 100)}` is a sparse file")
    return _inside_path(entry.name)


def _inside_path(name: str) -> str:
    """Return a path of a tar as one below the root, without `.` and empty parts.

    Raises Malformed if it leads out of the image, or no file can have it.
    """
    if len(name) > MAX_PATH_CHARACTERS or "\0" in name:
        raise Malformed(f"`{clean_line(name, 100)}` is no path that Linux can have")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise Malformed(f"`{clean_line(name, 100)}` leads out of the image")
    return "/".join(parts)
