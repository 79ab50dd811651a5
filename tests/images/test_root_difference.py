"""The difference of two root file systems as a layer, and what both layers make together."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from images import debian, root_difference
from images.record import DebianPackage
from runner.errors import EnvironmentFailed
from tests.fakes.exported_root import Entry, write_root
from tests.fakes.refusal import refused

EPOCH = 1_738_108_800
SSH = "Package: openssh-server\nStatus: install ok installed\nVersion: 1:9.2\n"
INDEX = f"Package: openssh-server\nVersion: 1:9.2\nSHA256: {'a' * 64}\n".encode()
TINI = "Package: tini\nStatus: install ok installed\nVersion: 0.19\n"

BELOW = [
    Entry("etc/passwd", b"root\n"),
    Entry("etc/shadow", b"x", mode=0o640),
    Entry("home", kind=tarfile.DIRTYPE, mode=0o755),
    Entry("home/mluser", kind=tarfile.DIRTYPE, mode=0o1777),
    Entry("home/mluser/.profile", b"old"),
    Entry("usr/bin/perl", b"perl"),
    Entry("usr/bin/perl5", kind=tarfile.LNKTYPE, link="usr/bin/perl"),
    Entry("usr/bin/other", kind=tarfile.SYMTYPE, link="perl"),
    Entry("usr/share/gone", kind=tarfile.DIRTYPE, mode=0o755),
    Entry("usr/share/gone/a", b"a"),
    Entry("usr/share/stays", b"a" * 700),
    Entry("var/lib/dpkg/status", TINI.encode()),
]


def changed(*changes: Entry, without: Sequence[str] = ()) -> list[Entry]:
    """BELOW after changes, in place or at the end, and without some names."""
    new = {entry.name: entry for entry in changes}
    kept = [new.pop(entry.name, entry) for entry in BELOW if entry.name not in without]
    return [*kept, *new.values()]


@pytest.fixture
def below(tmp_path: Path) -> Path:
    """The OS layer of BELOW."""
    layer = tmp_path / "below.tar.gz"
    with layer.open("wb") as file:
        debian.normalise_export(write_root(tmp_path / "below.tar", BELOW), file, EPOCH)
    return layer


def difference(
    below: Path, entries: Sequence[Entry], mtime: int = 99
) -> dict[str, tarfile.TarInfo]:
    """The layer that a root file system of these entries makes, by name."""
    exported, target = below.with_name("new.tar"), below.with_name("new.tar.gz")
    write_root(exported, [replace(entry, mtime=mtime) for entry in entries])
    with target.open("wb") as file:
        root_difference.write_difference(exported, below, file, EPOCH)
    with tarfile.open(target) as opened:
        found = {entry.name: entry for entry in opened}
        assert [entry.mtime for entry in found.values()] == [EPOCH] * len(found)
        return found


def test_the_same_files_make_nothing(below: Path) -> None:
    assert not difference(below, BELOW)


@pytest.mark.parametrize(
    ("entry", "written"),
    [
        (Entry("usr/bin/sshd", b"new"), {"usr/bin/sshd"}),
        (Entry("etc/passwd", b"root\nsshd\n"), {"etc/passwd"}),
        (Entry("etc/passwd", b"ROOT\n"), {"etc/passwd"}),
        (Entry("etc/shadow", b"x"), {"etc/shadow"}),
        (Entry("etc/shadow", b"x", mode=0o640, uid=7), {"etc/shadow"}),
        (Entry("usr/bin/other", kind=tarfile.SYMTYPE, link="sh"), {"usr/bin/other"}),
        (Entry("etc/passwd", b"root\n", pax={"SCHILY.xattr.user.a": "b"}), {"etc/passwd"}),
        (Entry("home/mluser", kind=tarfile.DIRTYPE, mode=0o700), {"home", "home/mluser"}),
        (Entry("home/mluser/.profile", b"new"), {"home", "home/mluser", "home/mluser/.profile"}),
        # a layer cannot link to a file of another one
        (Entry("usr/bin/perl", b"PERL"), {"usr/bin/perl", "usr/bin/perl5"}),
        (Entry("etc/ssh/ssh_host_key-", b"x"), {"etc/ssh/ssh_host_key-"}),
        (Entry("var/log/today", b"x"), set()),
        (Entry("var/lib/apt/lists/all", b"x"), set()),
        (Entry("etc/shadow-", b"x"), set()),
        (Entry("var/lib/dpkg/newest", b"5"), set()),
        (Entry("var/lib/dpkg/index", INDEX), set()),
    ],
)
def test_what_is_new_or_differs_is_written(below: Path, entry: Entry, written: set[str]) -> None:
    assert set(difference(below, changed(entry))) == written


def test_folders_keep_their_modes(below: Path) -> None:
    """An engine that unpacks a layer alone would make the folders anew, closed to others."""
    found = difference(below, changed(Entry("home/mluser/x", b"x")))
    assert found["home/mluser"].mode == 0o1777


def test_a_link_to_a_file_below_is_a_copy(below: Path) -> None:
    link = Entry("usr/bin/perl6", kind=tarfile.LNKTYPE, link="usr/bin/perl")
    found = difference(below, changed(link))
    assert found["usr/bin/perl6"].isreg()
    assert found["usr/bin/perl6"].size == 4
    both = difference(below, changed(Entry("usr/bin/perl", b"PERL"), link))
    assert both["usr/bin/perl6"].islnk()


@pytest.mark.parametrize("target", ["dev/null", "no/such", "etc/.pwd.lock"])
def test_a_link_to_a_file_that_no_layer_keeps_is_refused(below: Path, target: str) -> None:
    link = Entry("usr/bin/perl6", kind=tarfile.LNKTYPE, link=target)
    with refused(EnvironmentFailed, "usr/bin/perl6 is a hard link"), debian.explain_failures():
        difference(below, changed(link))


def test_what_is_gone_is_hidden(below: Path) -> None:
    """By a whiteout; that of a folder is enough for all in it."""
    gone = ("usr/share/gone", "usr/share/gone/a", "etc/passwd")
    assert set(difference(below, changed(without=gone))) == {
        "usr/share/.wh.gone",
        "etc/.wh.passwd",
    }


def test_a_folder_that_is_a_file_now_hides_what_was_in_it(below: Path) -> None:
    entries = changed(Entry("usr/share/gone", b"file"), without=["usr/share/gone/a"])
    assert set(difference(below, entries)) == {"usr/share/gone"}


def test_times_of_the_build_change_no_byte(below: Path) -> None:
    entries = changed(Entry("usr/bin/sshd", b"new"))
    made = []
    for mtime in (1, 2):
        difference(below, entries, mtime)
        made.append(below.with_name("new.tar.gz").read_bytes())
    assert made[0] == made[1]


def test_packages_are_those_of_both_layers(below: Path, tmp_path: Path) -> None:
    exported = write_root(
        tmp_path / "new.tar",
        changed(
            Entry("var/lib/dpkg/status", f"{TINI}\n{SSH}".encode()),
            Entry("var/lib/dpkg/newest", b"1793624159"),
            Entry("var/lib/dpkg/index", INDEX),
        ),
    )
    made = root_difference.write_difference(exported, below, io.BytesIO(), EPOCH)
    assert made.packages == (
        DebianPackage("tini", "0.19"),
        DebianPackage("openssh-server", "1:9.2"),
    )
    assert [each.sha256 for each in made.packages] == ["", "a" * 64]
    assert made.newest == 1793624159


def test_an_export_that_ends_early_is_refused(below: Path, tmp_path: Path) -> None:
    exported = write_root(tmp_path / "new.tar", BELOW)
    exported.write_bytes(exported.read_bytes()[:3000])
    with refused(EnvironmentFailed, "not complete"), debian.explain_failures():
        root_difference.write_difference(exported, below, io.BytesIO(), EPOCH)


# Both layers together


def read_root(file: Path) -> dict[str, tuple[object, ...]]:
    """All that a layer says of each path, but the order."""
    with tarfile.open(file) as opened:
        return {
            entry.name: (*_facts(entry), _content(opened, entry))
            for entry in opened
            if not entry.islnk()
        }


def _facts(entry: tarfile.TarInfo) -> tuple[object, ...]:
    pax: Mapping[str, str] = entry.pax_headers
    held = tuple(sorted((name, pax[name]) for name in pax if name.startswith("SCHILY")))
    return entry.type, entry.mode, entry.uid, entry.gid, entry.linkname, entry.mtime, held


def _content(opened: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = opened.extractfile(entry) if entry.isreg() else None
    return file.read() if file else b""


@pytest.mark.parametrize(
    "entries",
    [
        BELOW,
        changed(Entry("usr/bin/sshd", b"new"), Entry("etc/passwd", b"other\n")),
        changed(without=["usr/share/gone", "usr/share/gone/a", "etc/passwd"]),
        changed(Entry("usr/share/gone", b"file"), without=["usr/share/gone/a"]),
        changed(Entry("etc/passwd", kind=tarfile.DIRTYPE, mode=0o755), Entry("etc/passwd/a", b"a")),
        changed(Entry("usr/bin/other", b"no link now"), Entry("etc/shadow", b"x", mode=0o600)),
        changed(Entry("etc/passwd", b"root\n", pax={"SCHILY.xattr.user.a": "b"})),
        changed(Entry("home/mluser", kind=tarfile.DIRTYPE, mode=0o700)),
        changed(Entry("usr/bin/.why", b"no whiteout"), without=["usr/bin/other"]),
    ],
)
def test_both_layers_make_the_root_that_was_exported(
    below: Path, tmp_path: Path, entries: list[Entry]
) -> None:
    wanted, merged = tmp_path / "whole.tar.gz", tmp_path / "merged.tar"
    difference(below, entries)
    with wanted.open("wb") as file:
        debian.normalise_export(write_root(tmp_path / "whole.tar", entries), file, EPOCH)
    root_difference.write_merged(below, below.with_name("new.tar.gz"), merged)
    assert read_root(merged) == read_root(wanted)


def test_hard_links_lead_to_the_file_of_their_own_layer(below: Path, tmp_path: Path) -> None:
    link = Entry("usr/bin/perl6", kind=tarfile.LNKTYPE, link="usr/bin/perl")
    for perl in (b"perl", b"PERL"):
        difference(below, changed(Entry("usr/bin/perl", perl), link))
        root_difference.write_merged(below, below.with_name("new.tar.gz"), tmp_path / "merged.tar")
        with tarfile.open(tmp_path / "merged.tar") as opened:
            names = ("usr/bin/perl", "usr/bin/perl5", "usr/bin/perl6")
            files = [opened.extractfile(name) for name in names]
            assert [file and file.read() for file in files] == [perl] * 3


def test_a_difference_on_top_of_merged_layers_has_what_neither_has(
    below: Path, tmp_path: Path
) -> None:
    entries = changed(Entry("etc/passwd", b"other\n"), without=["usr/bin/other"])
    difference(below, entries)
    merged = tmp_path / "merged.tar"
    root_difference.write_merged(below, below.with_name("new.tar.gz"), merged)
    exported = write_root(tmp_path / "more.tar", [*entries, Entry("usr/bin/sshd", b"new")])
    target = tmp_path / "more.tar.gz"
    with target.open("wb") as file:
        root_difference.write_difference(exported, merged, file, EPOCH)
    with tarfile.open(target) as opened:
        assert opened.getnames() == ["usr/bin/sshd"]
