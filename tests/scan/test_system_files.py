"""Texts of a hostile layer of Debian packages: a fault, and never much time."""

from __future__ import annotations

import time

from images.debian import STATUS, installed_packages
from images.record import DebianPackage
from oci.layer_reader import EntryKind, LayerContents, LayerEntry
from scan import system_files
from scan.owners import load_owners

CACHE = "etc/ld.so.cache"


def faults_of(text: bytes) -> dict[str, str]:
    """What is wrong with a cache of the loader that has this text, by path."""
    entry = LayerEntry(EntryKind.FILE, 0o644, 0, 0, len(text))
    layer = LayerContents({CACHE: entry}, texts={CACHE: text})
    found = system_files.check_system_layers([layer], [], load_owners(), "3.11", [])
    return {each.path: each.what for each in found}


def test_a_text_of_slashes_takes_no_time() -> None:
    began = time.monotonic()
    faults_of(b"/" * (4 << 20))
    assert time.monotonic() - began < 2


def test_a_path_without_an_owner_is_named() -> None:
    assert "`/tmp/evil.so`" in faults_of(b"\x01a\0\xff/tmp/evil.so\0/no/end")[CACHE]
    assert "`/no/end`" not in faults_of(b"\0/a\0/no/end").get(CACHE, "")


def test_a_package_without_a_version_is_a_fault() -> None:
    status = "Package: evil\nStatus: install ok installed\n\nStatus: x installed\n"
    assert [*installed_packages(status)] == [DebianPackage("evil", ""), DebianPackage("", "")]
    layer = LayerContents(texts={STATUS: status.encode()})
    found = system_files.check_system_layers([layer], [], load_owners(), "3.11", [])
    assert "the build did not record evil " in [each.what for each in found if each.path == STATUS]


DASH = "Package: dash\nStatus: install ok installed\nVersion: {}\n"
NOTE, LIST = "var/lib/dpkg/info/dash.preinst", "var/lib/dpkg/info/dash.list"


def removals(path: str, version: str, kind: EntryKind = EntryKind.FILE) -> list[str]:
    """The paths whose removal by updates of dash to a version is a fault."""
    entry = LayerEntry(kind, 0o777 if kind is EntryKind.LINK else 0o644, 0, 0)
    texts = {STATUS: DASH.format("1").encode()}
    below = LayerContents({path: entry}, texts=texts)
    updates = LayerContents(removed=(path,), texts={STATUS: DASH.format(version).encode()})
    packages = [DebianPackage("dash", version)]
    found = system_files.check_system_layers(
        [below, updates], packages, load_owners(), "3.11", [], updates=1
    )
    return [each.path for each in found if "removes it" in each.what]


def test_an_update_may_leave_out_a_note_of_dpkg() -> None:
    """The new version of a package may have one script less."""
    assert removals(NOTE, "2") == []
    assert removals(NOTE, "1") == [NOTE], "nothing was updated"
    assert removals(LIST, "2") == [LIST]


def test_updates_hide_no_file_that_no_package_has() -> None:
    certificate = "etc/ssl/certs/002c0b4f.0"
    assert removals(certificate, "2", EntryKind.LINK) == []
    for path in (certificate, "etc/shadow", "usr/sbin/policy-rc.d", "etc/apt/sources.list"):
        assert removals(path, "2") == [path]
    assert removals("usr/lib/python3.11/__pycache__", "2", EntryKind.FOLDER) == []
