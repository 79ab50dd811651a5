"""The contents of a layer that somebody else made: everything is listed, and nothing is trusted."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator

import pytest

from oci import layer_reader
from oci.layer_reader import EntryKind, LayerContents, LayerEntry, merge_layers, parse_layer
from oci.manifest import Descriptor, sha256
from oci.registry import Registry, Unreadable
from oci.tarball import BLOCK, LayerWriter
from runner.untrusted import Malformed
from tests.fakes.registry import FakeRegistry

TEXT = b"some text\n"


def written(*entries: tarfile.TarInfo, data: bytes = TEXT) -> bytes:
    """A tar of these entries; each file has `data`."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            entry.size = len(data) if entry.isreg() else 0
            tar.addfile(entry, io.BytesIO(data) if entry.isreg() else None)
    return raw.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname, found.mode = kind, target, 0o644
    return found


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 7, 512, 100_000])
@pytest.mark.parametrize("is_compressed", [True, False])
def test_every_entry_is_listed_in_pieces_of_any_size(size: int, is_compressed: bool) -> None:
    tar = written(
        entry("./a/b"),
        entry("a/c", tarfile.LNKTYPE, "./a/b"),
        entry("a/d", tarfile.SYMTYPE, "../../x"),
        entry("a/", tarfile.DIRTYPE),
        entry("a/f", tarfile.FIFOTYPE),
        entry("a/.wh.gone"),
        entry("z/.wh..wh..opq"),
    )
    data = gzip.compress(tar) if is_compressed else tar
    found = parse_layer(pieces(data, size), lambda path: path == "a/b")
    assert found.texts == {"a/b": TEXT}
    assert (found.removed, found.emptied) == (("a/gone",), ("z",))
    assert {path: each.kind for path, each in found.entries.items()} == {
        "a/b": EntryKind.FILE,
        "a/c": EntryKind.FILE,
        "a/d": EntryKind.LINK,
        "a": EntryKind.FOLDER,
        "a/f": EntryKind.DEVICE,
    }
    assert found.entries["a/c"].target == "a/b"
    assert found.entries["a/d"].target == "../../x"
    sums = hashlib.sha256(TEXT).hexdigest(), hashlib.md5(TEXT, usedforsecurity=False).hexdigest()
    assert found.entries["a/b"] == LayerEntry(EntryKind.FILE, 0o644, 0, 0, len(TEXT), "", *sums, ())


def test_a_layer_of_many_members_is_read() -> None:
    """As our own layers are: a gzip member for each header and each file."""
    raw = io.BytesIO()
    writer = LayerWriter(raw, 0)
    for number in range(300):
        writer.add_data(f"f{number}", 0o755, hashlib.shake_128(bytes([number % 256])).digest(BLOCK))
    writer.close()
    assert len(parse_layer(pieces(raw.getvalue(), 1000), lambda _: False).entries) == 300


def test_attributes_are_named() -> None:
    held = entry("a")
    held.pax_headers = {"SCHILY.xattr.security.capability": "x", "comment": "y"}
    found = parse_layer([written(held)], lambda _: False)
    assert found.entries["a"].attributes == ("security.capability",)


def a_long_header() -> bytes:
    held = entry("a")
    held.pax_headers = {"SCHILY.xattr.user.x": "x" * (layer_reader.MAX_HEADER_BYTES + 1)}
    return written(held)


def damaged() -> bytes:
    """A header in the middle that is wrong: `tarfile` takes it for the end."""
    data = bytearray(written(entry("a"), entry("b")))
    data[2 * BLOCK + 150] ^= 0xFF
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(written(entry("../a")), "leads out", id="out"),
        pytest.param(written(entry("a", tarfile.LNKTYPE, "../../b")), "leads out", id="hard link"),
        pytest.param(a_long_header(), "a header of more than", id="header"),
        pytest.param(damaged(), "after the end of its archive", id="damaged"),
        pytest.param(written(entry("a"))[: BLOCK + 3], "in the middle of a file", id="cut"),
        pytest.param(b"\x28\xb5\x2f\xfd" + bytes(9), "zstd", id="zstd"),
        pytest.param(gzip.compress(TEXT)[:-9], "cannot be|no complete", id="cut gzip"),
        pytest.param(b"x" * 600, "no complete tar", id="no tar"),
    ],
)
def test_what_is_no_layer_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        parse_layer([data], lambda _: False)


@pytest.mark.parametrize(
    ("limit", "value", "says"),
    [
        ("MAX_ENTRIES", 3, "more than 3 entries"),
        ("MAX_NAME_BYTES", 3, "longer names"),
        ("MAX_LAYER_BYTES", 2000, "more than 2,000 uncompressed bytes"),
        ("MAX_TEXTS_BYTES", 20, "texts of more than 20 bytes"),
    ],
)
def test_a_layer_is_bounded(
    limit: str, value: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer_reader, limit, value)
    data = written(*(entry(f"f{number}") for number in range(4)))
    with pytest.raises(Malformed, match=says):
        parse_layer([gzip.compress(data)], lambda _: True)


def test_a_registry_that_serves_other_bytes_is_found_out(fake: FakeRegistry) -> None:
    registry, data = Registry(fake.host), gzip.compress(written(entry("a")))
    blob = registry.push_bytes("r", data, "application/x")
    assert parse_layer(registry.iter_blob("r", blob), lambda _: False).entries.keys() == {"a"}
    other = gzip.compress(written(entry("b")))
    fake.blobs["r"][blob.digest] = other
    with pytest.raises(Unreadable, match="other bytes were served"):
        parse_layer(
            registry.iter_blob("r", Descriptor("x/y", sha256(data), len(other))), lambda _: False
        )


def test_a_blob_that_is_longer_than_stated_is_refused(fake: FakeRegistry) -> None:
    registry = Registry(fake.host)
    blob = registry.push_bytes("r", TEXT, "application/x")
    with pytest.raises(Unreadable, match="more than its 3 bytes"):
        list(registry.iter_blob("r", Descriptor("x/y", blob.digest, 3)))


def file_of(text: str, target: str = "") -> LayerEntry:
    return LayerEntry(EntryKind.FILE, 0o644, 0, 0, target=target, sha256=text)


FOLDER = LayerEntry(EntryKind.FOLDER, 0o755, 0, 0)


@pytest.mark.parametrize(
    ("above", "paths"),
    [
        (LayerContents(), {"d", "d/a", "d/b"}),
        (LayerContents({"d": FOLDER, "d/c": file_of("c")}), {"d", "d/a", "d/b", "d/c"}),
        (LayerContents(removed=("d/a",)), {"d", "d/b"}),
        (LayerContents(removed=("d",)), set()),
        (LayerContents({"d": FOLDER}, removed=("d",)), {"d"}),
        (LayerContents({"d/c": file_of("c")}, emptied=("d",)), {"d", "d/c"}),
        (LayerContents(emptied=("",)), set()),
        (LayerContents({"d": file_of("d")}), {"d"}),
    ],
)
def test_a_layer_hides_paths_of_the_one_below(above: LayerContents, paths: set[str]) -> None:
    texts = {"d/a": b"a", "d/b": b"b"}
    below = LayerContents({"d": FOLDER, "d/a": file_of("a"), "d/b": file_of("b")}, texts=texts)
    merged = merge_layers([below, above])
    assert set(merged.entries) == paths
    assert set(merged.texts) == paths & texts.keys()


def test_a_replaced_file_has_no_text_of_the_one_below() -> None:
    below = LayerContents({"a": file_of("1"), "b": file_of("1")}, texts={"a": b"1", "b": b"1"})
    above = LayerContents({"a": file_of("2"), "b": file_of("2")}, texts={"b": b"2"})
    assert merge_layers([below, above]).texts == {"b": b"2"}


def test_a_hard_link_has_the_contents_of_its_own_layer() -> None:
    below = LayerContents({"a": file_of("old"), "b": file_of("", "a")})
    above = LayerContents({"a": file_of("new"), "c": file_of("", "a")})
    entries = merge_layers([below, above]).entries
    assert {path: entry.sha256 for path, entry in entries.items()} == {
        "a": "new",
        "b": "old",
        "c": "new",
    }
    assert not any(entry.target for entry in entries.values())


def _write_tar(entries: list[tuple[tarfile.TarInfo, bytes]], **options: dict[str, str]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT, **options) as archive:  # type: ignore[call-overload] # options of the format
        for entry, data in entries:
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return target.getvalue()


def test_a_global_header_gives_no_path_another_name() -> None:
    data = _write_tar([(tarfile.TarInfo("etc/evil"), b"x")], pax_headers={"path": "etc/owned"})
    with pytest.raises(Malformed, match="global header"):
        parse_layer([data], lambda _: False)


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE])
def test_a_path_that_is_there_twice_is_refused(kind: bytes) -> None:
    first, link, last = (tarfile.TarInfo(name) for name in ("bin/a", "bin/b", "bin/a"))
    link.type, link.linkname, last.type = tarfile.LNKTYPE, "bin/a", kind
    with pytest.raises(Malformed, match="twice"):
        parse_layer([_write_tar([(first, b"evil"), (link, b""), (last, b"")])], lambda _: False)


def test_a_folder_may_be_there_twice() -> None:
    folders = [tarfile.TarInfo("bin"), tarfile.TarInfo("./bin/")]
    for folder in folders:
        folder.type = tarfile.DIRTYPE
    data = _write_tar([(folder, b"") for folder in folders])
    assert list(parse_layer([data], lambda _: False).entries) == ["bin"]


@pytest.mark.parametrize("name", [".wh.", ".wh..", ".wh..."])
def test_a_whiteout_of_no_name_is_refused(name: str) -> None:
    data = _write_tar([(tarfile.TarInfo(f"etc/ssl/{name}"), b"")])
    with pytest.raises(Malformed, match="removes no path"):
        parse_layer([data], lambda _: False)


def test_a_header_of_sparse_files_gives_no_file_another_name() -> None:
    evil = tarfile.TarInfo("usr/evil")
    evil.pax_headers = {"GNU.sparse.name": "usr/owned"}
    with pytest.raises(Malformed, match="sparse"):
        parse_layer([_write_tar([(evil, b"x")])], lambda _: False)


@pytest.mark.parametrize("name", ["a/" * 50_000 + "b", "etc/owned\0/evil"])
def test_a_path_that_no_file_can_have_is_refused(name: str) -> None:
    entry = tarfile.TarInfo("a")
    entry.pax_headers = {"path": name}
    with pytest.raises(Malformed, match="no path that Linux can have"):
        parse_layer([_write_tar([(entry, b"")])], lambda _: False)


@pytest.mark.parametrize("value", ["BINARY", "ISO-IR 10646 2000 UTF-8"])
def test_a_header_says_no_encoding_of_names(value: str) -> None:
    entry = tarfile.TarInfo("usr/a")
    entry.pax_headers = {"hdrcharset": value}
    with pytest.raises(Malformed, match="usr/a` has the header `hdrcharset`"):
        parse_layer([_write_tar([(entry, b"x")])], lambda _: False)


@pytest.mark.parametrize("names", [("bin/a", "bin/.wh.a"), (".wh.bin", "bin/a")])
def test_a_layer_that_has_a_path_and_removes_it_is_refused(names: tuple[str, str]) -> None:
    """One engine removes what it has just unpacked, another one only what is below."""
    for order in (names, names[::-1]):
        data = _write_tar([(tarfile.TarInfo(name), b"") for name in order])
        with pytest.raises(Malformed, match="has `bin/a` and removes it"):
            parse_layer([data], lambda _: False)
