"""Shared objects that answer as a driver's libraries would, written without a compiler: ELF for
x86-64.

A real libcuda that refuses (error 803, 804) is found by the real CUDA runtime of the image, whose
words reach the suites through the real torch. Nothing of that needs a GPU.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runner import home

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_TAG = struct.Struct("<QQ")

_IDENT = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")  # 64 bits, little-endian
_SHARED_OBJECT, _X86_64 = 3, 62
_LOAD, _DYNAMIC, _GNU_STACK = 1, 2, 0x6474E551
_EXECUTE, _WRITE, _READ = 1, 2, 4
_GLOBAL_FUNCTION = 0x12
_HASH, _STRTAB, _SYMTAB, _STRSZ, _SYMENT = 4, 5, 6, 10, 11


@dataclass(frozen=True)
class Answer:
    """What a function returns, and the 32 bits it writes where its first argument points, if
    any.
    """

    returns: int = 0
    writes: int | None = None

    def code(self) -> bytes:
        """Mov dword [rdi], writes; mov eax, returns; ret."""
        written = b"" if self.writes is None else b"\xc7\x07" + struct.pack("<I", self.writes)
        return (written + b"\xb8" + struct.pack("<I", self.returns) + b"\xc3").ljust(16, b"\x90")


def cuda_driver(error: int) -> bytes:
    """A libcuda of a CUDA 12.4 driver whose cuInit returns `error`."""
    return library({"cuInit": Answer(error), "cuDriverGetVersion": Answer(writes=12040)})


def nvml(gpus: int) -> bytes:
    """A libnvidia-ml that counts `gpus` GPUs."""
    return library({"nvmlInit_v2": Answer(), "nvmlDeviceGetCount_v2": Answer(writes=gpus)})


def file_of(content: bytes) -> Path:
    """A file with `content`, to be mounted."""
    path = home.make_home_folder("tests", "stand-ins") / hashlib.sha256(content).hexdigest()[:16]
    if not path.exists():
        path.write_bytes(content)
    return path


def library(functions: Mapping[str, Answer]) -> bytes:
    """A shared object with these functions: one segment with everything, and the tables that ld.so
    looks in.
    """
    names = b"\0" + b"".join(name.encode() + b"\0" for name in functions)
    code = b"".join(answer.code() for answer in functions.values())
    chain = struct.pack(
        f"<{len(functions) + 4}I", 1, len(functions) + 1, 1, 0, *range(2, len(functions) + 1), 0
    )
    code_at = _HEADER.size + 3 * _SEGMENT.size
    symbols_at = code_at + len(code)
    symbols = _SYMBOL.pack(0, 0, 0, 0, 0, 0) + b"".join(
        _SYMBOL.pack(
            names.index(b"\0" + name.encode() + b"\0") + 1,
            _GLOBAL_FUNCTION,
            0,
            1,
            code_at + 16 * index,
            16,
        )
        for index, name in enumerate(functions)
    )
    chain_at = symbols_at + len(symbols)
    names_at = chain_at + len(chain)
    dynamic_at = (names_at + len(names) + 7) // 8 * 8
    tables = ((_HASH, chain_at), (_STRTAB, names_at), (_SYMTAB, symbols_at), (_STRSZ, len(names)))
    dynamic = b"".join(_TAG.pack(*tag) for tag in (*tables, (_SYMENT, _SYMBOL.size), (0, 0)))
    body = (code + symbols + chain + names).ljust(dynamic_at - code_at, b"\0") + dynamic
    return _headers(dynamic_at, len(dynamic)) + body


def _headers(dynamic_at: int, dynamic_size: int) -> bytes:
    whole = dynamic_at + dynamic_size
    return b"".join(
        (
            _HEADER.pack(
                _IDENT,
                _SHARED_OBJECT,
                _X86_64,
                1,
                0,
                _HEADER.size,
                0,
                0,
                _HEADER.size,
                _SEGMENT.size,
                3,
                0,
                0,
                0,
            ),
            _SEGMENT.pack(_LOAD, _READ | _WRITE | _EXECUTE, 0, 0, 0, whole, whole, 4096),
            _SEGMENT.pack(
                _DYNAMIC, _READ | _WRITE, *(dynamic_at,) * 3, dynamic_size, dynamic_size, 8
            ),
            _SEGMENT.pack(_GNU_STACK, _READ | _WRITE, 0, 0, 0, 0, 0, 16),
        )
    )
