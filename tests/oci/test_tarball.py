"""Layers read back by programs that did not write them."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import random
import subprocess
import tarfile
import zlib
from collections.abc import Callable
from functools import partial

import pytest

from oci.tarball import (
    CHUNK_BYTES,
    Blob,
    DamagedStream,
    Deflated,
    LayerWriter,
    gzip_member,
    zero_block,
)

EPOCH = 1_738_108_800
RANDOM = random.Random(20)  # noqa: S311 - the same cases every time
NOISE = RANDOM.randbytes(3 * CHUNK_BYTES)  # does not compress: its stream is several chunks long
LONG = "/".join(["very-long-folder-name"] * 20) + "/file.py"
CONTENTS = [b"", b"x", bytes(511), bytes(512), bytes(513), b"text\n" * 1000, NOISE]


def deflated(data: bytes, level: int = 6) -> Deflated:
    """A stream as a wheel holds it, in a file with other bytes before and after."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    stream = packer.compress(data) + packer.flush()
    return Deflated(
        io.BytesIO(b"before" + stream + b"after"), 6, len(stream), len(data), zlib.crc32(data)
    )


def written(fill: Callable[[LayerWriter], None]) -> tuple[bytes, Blob]:
    target = io.BytesIO()
    writer = LayerWriter(target, EPOCH)
    fill(writer)
    blob = writer.close()
    return target.getvalue(), blob


def whole(writer: LayerWriter) -> None:
    """A layer of everything a layer can hold."""
    writer.add_directory("opt")
    for number, data in enumerate(CONTENTS):
        writer.add_data(f"opt/made-{number}", 0o755, data)
        writer.add_deflated(f"opt/copied-{number}", 0o644, deflated(data))
    writer.add_deflated(LONG, 0o644, deflated(b"deep"))
    writer.add_data("opt/ünicode ☃", 0o644, b"snow")


def test_folded_zeros_are_that_many_zeros() -> None:
    for count in [*range(1, 3000), 65_535, 65_536, 1_000_000]:
        inflate = zlib.decompressobj(-15)
        assert inflate.decompress(zero_block(count) + b"\x03\x00") == bytes(count)
        assert inflate.eof, count


@pytest.mark.parametrize("length", [0, 1, 23, 24, 25, 512, 0xFFFE, 0xFFFF, 0x10000, 3 * 0xFFFF + 1])
@pytest.mark.parametrize("fill", [b"\0", b"x", b"x" + bytes(30), bytes(23) + b"x"])
def test_a_member_is_what_went_in(length: int, fill: bytes) -> None:
    data = (fill * (length // len(fill) + 1))[:length]
    assert gzip.decompress(gzip_member(data)) == data


def test_members_of_random_zero_runs() -> None:
    for _ in range(300):
        lengths = [RANDOM.randrange(60) for _ in range(RANDOM.randrange(8))]
        data = b"".join(RANDOM.randbytes(length) + bytes(length) for length in lengths)
        assert gzip.decompress(gzip_member(data)) == data


def test_a_layer_is_read_back_by_tarfile() -> None:
    layer, _ = written(whole)
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as found:
        entries = {entry.name: entry for entry in found}
        for number, data in enumerate(CONTENTS):
            for kind, mode in (("made", 0o755), ("copied", 0o644)):
                entry = entries[f"opt/{kind}-{number}"]
                content = found.extractfile(entry)
                assert content is not None
                assert content.read() == data
                assert entry.mode == mode
        assert entries["opt"].isdir()
        assert entries[LONG].size == 4
        assert "opt/ünicode ☃" in entries
    assert {(entry.mtime, entry.uid, entry.gid, entry.uname) for entry in entries.values()} == {
        (EPOCH, 0, 0, "root")
    }


@pytest.mark.parametrize("program", [["gzip", "-dc"], ["python3", "-m", "gzip", "-d"]])
def test_a_layer_is_read_back_by_other_programs(program: list[str]) -> None:
    layer, blob = written(whole)
    tar = subprocess.run(program, input=layer, capture_output=True, check=True).stdout
    assert f"sha256:{hashlib.sha256(tar).hexdigest()}" == blob.diff_id
    assert len(tar) == blob.uncompressed


def test_the_blob_says_what_was_written() -> None:
    layer, blob = written(whole)
    assert blob.digest == f"sha256:{hashlib.sha256(layer).hexdigest()}"
    assert blob.size == len(layer)


def test_the_same_files_are_the_same_bytes() -> None:
    assert written(whole) == written(whole)


def test_an_empty_layer_is_a_tar() -> None:
    layer, _ = written(lambda writer: None)
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as found:
        assert found.getnames() == []


@pytest.mark.parametrize("level", range(10))
def test_streams_of_every_compression_level(level: int) -> None:
    layer, _ = written(
        lambda writer: writer.add_deflated(
            "a", 0o644, deflated(NOISE[:70_000] + bytes(70_000), level)
        )
    )
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as found:
        content = found.extractfile("a")
        assert content is not None
        assert content.read() == NOISE[:70_000] + bytes(70_000)


# A stream that is not what its directory says


def spoiled(data: bytes, **changes: int) -> Deflated:
    good = deflated(data)
    facts = {
        "offset": good.offset,
        "compressed_size": good.compressed_size,
        "size": good.size,
        "crc": good.crc,
    }
    return Deflated(
        good.file, **{name: value + changes.get(name, 0) for name, value in facts.items()}
    )


TEXT = b"import this\n" * 5000


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"crc": 1}, id="wrong CRC"),
        pytest.param({"size": 1}, id="size too large"),
        pytest.param({"size": -1}, id="size too small"),
        pytest.param({"compressed_size": -1}, id="stream cut"),
        pytest.param({"compressed_size": -40}, id="stream cut by much"),
        pytest.param({"compressed_size": 100}, id="stream runs past the end of the file"),
        pytest.param({"offset": -1}, id="stream begins too early"),
        pytest.param({"offset": 1}, id="stream begins too late"),
        pytest.param({"compressed_size": 3}, id="stream followed by other bytes"),
    ],
)
@pytest.mark.parametrize("data", [TEXT, NOISE], ids=["text", "several chunks"])
def test_a_stream_that_is_not_what_was_said(data: bytes, changes: dict[str, int]) -> None:
    with pytest.raises(DamagedStream):
        written(lambda writer: writer.add_deflated("a", 0o644, spoiled(data, **changes)))


def copy_stream(broken: Deflated, writer: LayerWriter) -> None:
    writer.add_deflated("a", 0o644, broken)


def test_no_flipped_bit_goes_unseen() -> None:
    """Flip bits all over a stream: refused, or (in bits that deflate ignores) the contents are
    still right.
    """
    good = deflated(TEXT + NOISE[:300])
    stream = bytearray(good.file.read()[6 : 6 + good.compressed_size])
    refused = 0
    for at, bit in itertools.product(range(len(stream)), range(8)):
        stream[at] ^= 1 << bit
        broken = Deflated(io.BytesIO(bytes(stream)), 0, len(stream), good.size, good.crc)
        try:
            layer, blob = written(partial(copy_stream, broken))
            assert f"sha256:{hashlib.sha256(gzip.decompress(layer)).hexdigest()}" == blob.diff_id
        except DamagedStream:
            refused += 1
        stream[at] ^= 1 << bit
    assert refused > len(stream) * 8 * 0.95
