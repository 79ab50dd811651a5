"""Layers that have the same bytes on every machine, written without compressing anything.

A gzip file may have many members (RFC 1952, 2.2), and a wheel is a zip of raw deflate streams. So a
file of a wheel becomes a member whose deflate stream is the wheel's own. All between (tar headers,
padding, small files made here) is written as stored blocks with the runs of zeros folded. That
needs no compressor, whose version could change the bytes.
"""

from __future__ import annotations

import hashlib
import re
import struct
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO, Protocol, cast

from isal import isal_zlib
from isal.isal_zlib import IsalError

from oci.manifest import LAYER_GZIP, Descriptor

BLOCK = tarfile.BLOCKSIZE
CHUNK_BYTES = 1 << 20
ROOT = "root"

_GZIP_HEADER = (
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # deflate, no name, no time, unknown system
)
_ZERO_RUN = re.compile(rb"\0{24,}")
_STORED_MAX = 0xFFFF
_LAST_BLOCK = b"\x03\x00"  # an empty final block with fixed codes


StreamError = cast(type[Exception], IsalError)  # its stub declares an instance


class Sink(Protocol):
    """A file-like object that a layer is written to."""

    def write(self, data: bytes, /) -> int:
        """Take all of `data`."""


class DamagedStream(Exception):
    """A compressed stream does not hold what its directory entry says."""


@dataclass(frozen=True)
class Deflated:
    """A raw deflate stream inside a file, with the CRC-32 and the size in bytes of its contents."""

    file: BinaryIO
    offset: int
    compressed_size: int
    size: int
    crc: int


@dataclass(frozen=True)
class Blob:
    """A finished layer.

    It has the digest of the compressed file and that of the tar in it, and both sizes in bytes.
    """

    digest: str
    diff_id: str
    size: int
    uncompressed: int

    def to_descriptor(self) -> Descriptor:
        """Return the layer as an image's manifest names it."""
        return Descriptor(LAYER_GZIP, self.digest, self.size)


class LayerWriter:
    """Writes one layer, a tar in a multi-member gzip, owned by root, every time set to `mtime`."""

    def __init__(self, file: Sink, mtime: int) -> None:
        self._file = file
        self._mtime = mtime
        self._compressed = hashlib.sha256()
        self._tar = hashlib.sha256()
        self._size = 0
        self._uncompressed = 0
        self._pending = b""

    def add_directory(self, path: str) -> None:
        """Add a directory of mode 0755."""
        self._add_header(path, tarfile.DIRTYPE, 0o755)

    def add_data(self, path: str, mode: int, data: bytes) -> None:
        """Add a file with bytes that were made here."""
        self._add_header(path, tarfile.REGTYPE, mode, len(data))
        self._pending += data + _block_padding(len(data))

    def add_chunks(self, path: str, mode: int, size: int, chunks: Iterable[bytes]) -> None:
        """Add a file of `size` bytes that is too large for the memory.

        The same pieces give the same bytes. Raises DamagedStream if they have another size.
        """
        self._add_header(path, tarfile.REGTYPE, mode, size)
        self._flush_pending()
        found = 0
        for chunk in chunks:
            found += len(chunk)
            self._pending = chunk
            self._flush_pending()
        if found != size:
            raise DamagedStream(f"{found} bytes, not {size}")
        self._pending = _block_padding(size)

    def add_deflated(self, path: str, mode: int, source: Deflated) -> None:
        """Add a file whose deflate stream is copied.

        Raises DamagedStream if the stream does not hold what it should.
        """
        self._add_header(path, tarfile.REGTYPE, mode, source.size)
        if source.size == 0:
            return
        self._flush_pending()
        self._write_compressed(_GZIP_HEADER)
        self._copy_stream(source)
        self._write_compressed(struct.pack("<II", source.crc, source.size & 0xFFFFFFFF))
        self._pending = _block_padding(source.size)

    def close(self) -> Blob:
        """Write the end of the archive and return the finished layer."""
        self._pending += bytes(2 * BLOCK)
        self._flush_pending()
        digest, diff_id = (f"sha256:{made.hexdigest()}" for made in (self._compressed, self._tar))
        return Blob(digest, diff_id, self._size, self._uncompressed)

    def _add_header(self, path: str, kind: bytes, mode: int, size: int = 0) -> None:
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.size, info.mtime = kind, mode, size, self._mtime
        info.uname = info.gname = ROOT
        self._pending += info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")

    def _flush_pending(self) -> None:
        """Write the pending bytes as one member."""
        if self._pending:
            self._tar.update(self._pending)
            self._uncompressed += len(self._pending)
            self._write_compressed(gzip_member(self._pending))
            self._pending = b""

    def _copy_stream(self, source: Deflated) -> None:
        inflate = isal_zlib.decompressobj(-15)
        size = crc = 0
        try:
            for chunk in _read_stream(source):
                self._write_compressed(chunk)
                plain = inflate.decompress(chunk)
                self._tar.update(plain)
                crc = isal_zlib.crc32(plain, crc)
                size += len(plain)
        except StreamError as error:
            raise DamagedStream(str(error)) from None
        if (size, crc) != (source.size, source.crc) or not inflate.eof:
            raise DamagedStream(
                f"{size} bytes with CRC {crc:08x}, not {source.size} with {source.crc:08x}"
            )
        if inflate.unused_data:
            raise DamagedStream("the stream ends before its stated size")
        self._uncompressed += size

    def _write_compressed(self, data: bytes) -> None:
        self._file.write(data)
        self._compressed.update(data)
        self._size += len(data)


def gzip_member(data: bytes) -> bytes:
    """Return `data` as one gzip member of stored blocks with folded zero runs."""
    body, at = bytearray(), 0
    for run in _ZERO_RUN.finditer(data):
        body += _stored_blocks(data[at : run.start()]) + zero_block(run.end() - run.start())
        at = run.end()
    body += _stored_blocks(data[at:]) + _LAST_BLOCK
    return _GZIP_HEADER + bytes(body) + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def _stored_blocks(data: bytes) -> bytes:
    """Return deflate's stored blocks (RFC 1951, 3.2.4), byte-aligned at both ends."""
    blocks = (data[at : at + _STORED_MAX] for at in range(0, len(data), _STORED_MAX))
    return b"".join(
        b"\x00" + struct.pack("<HH", len(block), len(block) ^ 0xFFFF) + block for block in blocks
    )


@lru_cache(maxsize=4096)
def zero_block(count: int) -> bytes:
    """Return `count` zero bytes as one block with fixed codes, then an empty stored block to align.

    RFC 1951, 3.2.6. The block has a literal zero, then copies of the byte before: 258 or 3 to 10
    bytes each, the lengths without extra bits.
    """
    bits = "010"  # not final; type 01, least significant bit first
    bits += "00110000"
    left = count - 1
    while left >= 3:
        step = 258 if left >= 258 else min(10, left)
        bits += ("11000101" if step == 258 else f"{step - 2:07b}") + "00000"
        left -= step
    bits += "00110000" * left + "0000000"
    bits += "000"
    bits += "0" * (-len(bits) % 8)
    packed = bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))
    return packed + b"\x00\x00\xff\xff"


def _block_padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def _read_stream(source: Deflated) -> Iterator[bytes]:
    source.file.seek(source.offset)
    left = source.compressed_size
    while left:
        chunk = source.file.read(min(left, CHUNK_BYTES))
        if not chunk:
            raise DamagedStream("the file ends inside a stream")
        left -= len(chunk)
        yield chunk
