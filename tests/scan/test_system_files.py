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
