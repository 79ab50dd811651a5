"""The GPU architectures that a shared object has code for, read from the file without a GPU."""

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


def read_fat_binaries(path: Path) -> list[frozenset[str]]:
    """Return the architectures of each fat binary of a shared object: one per compiled source file.

    They are written as `sm_80` and `compute_50`. The list is empty if the object has no GPU code.
    Raises ValueError if its section of them cannot be read. The layout is that of fatbinary.h in
    NVIDIA's CUDA toolkit.
    """
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        section = ELFFile(file).get_section_by_name(_SECTION)
        if not section or not section["sh_size"]:
            return []
        start = section["sh_offset"]
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return list(iter_fat_binaries(content, start, start + section["sh_size"]))


def iter_fat_binaries(content: bytes | mmap.mmap, at: int, end: int) -> Iterator[frozenset[str]]:
    """Yield the architectures of each fat binary of a section from byte `at` to `end`.

    Only headers are read: the code stays on disk.
    """
    while at + _HEADER.size <= end:
        magic, _, header, size = _HEADER.unpack_from(content, at)
        if magic == _MAGIC:
            yield frozenset(_read_entries(content, at + header, at + header + size))
            at += header + size
        elif magic == 0:
            at += 8  # the linker pads
        else:
            raise ValueError(f"no fat binary at byte {at}")


def _read_entries(content: bytes | mmap.mmap, at: int, end: int) -> Iterator[str]:
    while at < end:
        kind, _, header, size, architecture = _ENTRY.unpack_from(content, at)
        if kind in _KINDS:
            yield f"{_KINDS[kind]}_{architecture}"
        at += max(header + size, _ENTRY.size)
