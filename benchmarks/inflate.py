#!/usr/bin/env python3
"""Compare zlib and isal at reading a wheel's deflate streams, on one core.

The wheel is the largest one on this machine.

    .venv/bin/python benchmarks/inflate.py
"""

from __future__ import annotations

import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from isal import isal_zlib

from images.locks import Wheel
from images.wheels import OpenWheel
from runner import home

CHUNK_BYTES = 1 << 20


def inflate(path: Path, decompressor: Callable[[int], Any]) -> tuple[float, float]:
    """Return the inflated megabytes and the seconds that it took."""
    size, started = 0, time.monotonic()
    with OpenWheel(Wheel(path.name, "", "", path.name, 0), path) as wheel:
        for source in filter(None, (wheel.deflate_stream(name) for name in wheel.member_names)):
            source.file.seek(source.offset)
            stream, left = decompressor(-zlib.MAX_WBITS), source.compressed_size
            while left:
                chunk = source.file.read(min(left, CHUNK_BYTES))
                left -= len(chunk)
                size += len(stream.decompress(chunk))
    return size / 1e6, time.monotonic() - started


def main() -> None:
    """Print a line for each library, after the file was read once."""
    largest = max(
        home.make_home_folder("wheels").glob("*.whl"), key=lambda path: path.stat().st_size
    )
    largest.read_bytes()
    for name, decompressor in (("zlib", zlib.decompressobj), ("isal", isal_zlib.decompressobj)):
        megabytes, seconds = inflate(largest, decompressor)
        print(
            f"{name}: {largest.name}: {megabytes:.1f} MB in {seconds:.2f} s, "
            f"{megabytes / seconds:.0f} MB/s"
        )


if __name__ == "__main__":
    main()
