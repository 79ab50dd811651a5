"""Members of a wheel, read in pieces: a few bytes of a zip file may claim to be gigabytes."""

from __future__ import annotations

import bz2
import copy
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, cast

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)
"""Exceptions that zipfile raises if a file is malformed."""

_PIECE_BYTES = 1 << 20
_LZMA_HEADER = struct.Struct("<2xHBI")
"""Length of the properties, the three parameters of LZMA in one byte, and size of the window."""


def is_readable(info: zipfile.ZipInfo) -> bool:
    """Return whether Python can read a member: it is not encrypted, and its method is known."""
    return info.compress_type in METHODS and not info.flag_bits & 1


def iter_pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the contents of a member in pieces of bounded size.

    Raises one of UNREADABLE if it cannot be read.
    """
    if not is_readable(info):
        raise zipfile.BadZipFile("it is encrypted, or compressed in a way that Python cannot read")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        yield from _iter_expanded(archive, info)
        return
    with archive.open(info) as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def read_start(archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int) -> bytes:
    """Return the first `size` bytes of a member. Raises one of UNREADABLE."""
    found = b""
    for piece in iter_pieces(archive, info):
        found += piece
        if len(found) >= size:
            break
    return found[:size]


def _iter_expanded(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the contents of a member in BZIP2 or LZMA.

    zipfile expands all that it has read of these at once: 900 bytes become a gigabyte.
    """
    stored = copy.copy(info)  # its compressed bytes, as if they were the contents
    stored.compress_type, stored.file_size = zipfile.ZIP_STORED, info.compress_size
    stored.CRC = cast(int, None)  # that of the contents is compared here
    left, checksum = info.file_size, 0
    with archive.open(stored) as file:
        expand = _make_decompressor(file, info.compress_type)
        while left:
            data = file.read(_PIECE_BYTES) if expand.needs_input else b""
            if expand.eof or (expand.needs_input and not data):
                raise EOFError("its compressed data ends too early")
            piece = expand.decompress(data, min(_PIECE_BYTES, left))
            left, checksum = left - len(piece), zlib.crc32(piece, checksum)
            if piece:
                yield piece
    if checksum != info.CRC:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {info.filename!r:.100}")


def _make_decompressor(file: IO[bytes], method: int) -> bz2.BZ2Decompressor | lzma.LZMADecompressor:
    if method == zipfile.ZIP_BZIP2:
        return bz2.BZ2Decompressor()
    _, parameters, window = _LZMA_HEADER.unpack(file.read(_LZMA_HEADER.size))
    rest, lc = divmod(parameters, 9)
    pb, lp = divmod(rest, 5)
    chain = {"id": lzma.FILTER_LZMA1, "dict_size": window, "lc": lc, "lp": lp, "pb": pb}
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[chain])


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    """Return the contents of a member. Raises one of UNREADABLE for more than `limit` bytes."""
    found = bytearray()
    for piece in iter_pieces(archive, info):
        found += piece
        if len(found) > limit:
            raise zipfile.BadZipFile(f"it has more than {limit:,} bytes")
    return bytes(found)
