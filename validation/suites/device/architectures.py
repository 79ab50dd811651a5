"""Which GPU architectures a shared object carries code for, read from the file: no GPU is
needed.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

_SECTION = ".nv_fatbin"
_MAGIC = 0xBA55ED50
_HEADER = struct.Struct("<IHHQ")  # magic, version, size of this header, size of the entries
_ENTRY = struct.Struct(
    "<HHIQ12xI"
)  # kind, version, size of this header, size of the code, ..., architecture
_KINDS = {1: "compute", 2: "sm"}  # PTX and machine code


def fat_binaries(path: Path) -> list[frozenset[str]]:
    """The architectures (`sm_80`, `compute_50`) of each fat binary of a shared object: one per
    compiled source file.

    Empty where it has no GPU code. Raises ValueError where its section of them cannot be read. The
    layout is that of fatbinary.h in NVIDIA's CUDA toolkit.
    """
    with path.open("rb") as file:
        start, size = _section(path)
        if not size:
            return []
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return list(read(content, start, start + size))


def _section(path: Path) -> tuple[int, int]:
    """Offset and size in bytes."""
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        section = ELFFile(file).get_section_by_name(_SECTION)
        return (section["sh_offset"], section["sh_size"]) if section else (0, 0)


def read(content: bytes | mmap.mmap, at: int, end: int) -> Iterator[frozenset[str]]:
    """As `fat_binaries`, of a section from byte `at` to `end`.

    Headers alone are read: the code stays on disk.
    """
    while at + _HEADER.size <= end:
        magic, _, header, size = _HEADER.unpack_from(content, at)
        if magic == _MAGIC:
            yield frozenset(_entries(content, at + header, at + header + size))
            at += header + size
        elif magic == 0:
            at += 8  # the linker pads
        else:
            raise ValueError(f"no fat binary at byte {at}")


def _entries(content: bytes | mmap.mmap, at: int, end: int) -> Iterator[str]:
    while at < end:
        kind, _, header, size, architecture = _ENTRY.unpack_from(content, at)
        if kind in _KINDS:
            yield f"{_KINDS[kind]}_{architecture}"
        at += max(header + size, _ENTRY.size)
