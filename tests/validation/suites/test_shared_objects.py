"""A shared object's libraries are found as the machine's own loader finds them."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from validation.suites.libraries import shared_objects
from validation.suites.libraries.shared_objects import (
    DamagedObjectError,
    DynamicLoader,
    MissingLibrary,
    SharedObject,
)

NULL, NEEDED, STRTAB, SONAME, RPATH, RUNPATH = 0, 1, 5, 14, 15, 29
X86_64, AARCH64 = 62, 183
RELOCATABLE, SHARED = 1, 3

Write = Callable[..., SharedObject]


def elf(machine: int = X86_64, kind: int = SHARED, **entries: str) -> bytes:
    """Return a shared object with only a dynamic section: needed, soname, rpath, runpath."""
    numbers = {"needed": NEEDED, "soname": SONAME, "rpath": RPATH, "runpath": RUNPATH}
    named = [(numbers[name], each) for name, values in entries.items() for each in values.split()]
    headers, dynamic = 64 + 2 * 56, 16 * (len(named) + 2)
    strings, tags = b"\0", []
    for tag, text in named:
        tags.append(struct.pack("<QQ", tag, len(strings)))
        strings += text.encode() + b"\0"
    tags += [struct.pack("<QQ", STRTAB, headers + dynamic), struct.pack("<QQ", NULL, 0)]
    size = headers + dynamic + len(strings)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = ident + struct.pack(
        "<HHIQQQIHHHHHH", kind, machine, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0
    )
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, size, size, 4096)
    at_dynamic = struct.pack("<IIQQQQQQ", 2, 4, headers, headers, headers, dynamic, dynamic, 8)
    return header + load + at_dynamic + b"".join(tags) + strings


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a shared object below the test's folder and read it."""

    def written(name: str, **entries: Any) -> SharedObject:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(elf(**entries))
        found = shared_objects.read_object(str(path))
        assert found is not None
        return found

    return written


def loader(
    tmp_path: Path, *library_path: str, cache: Mapping[str, tuple[str, ...]] | None = None
) -> DynamicLoader:
    """Return a loader whose system has only the libraries in `system`."""
    return DynamicLoader(
        tuple(str(tmp_path / each) for each in library_path),
        cache or {},
        (str(tmp_path / "system"),),
    )


# What one file says


def test_dynamic_section_is_read(write: Write, tmp_path: Path) -> None:
    found = write(
        "a/libx.so", soname="libx.so.1", needed="liby.so libz.so", rpath="$ORIGIN/..:/far"
    )
    here = str(tmp_path / "a")
    assert (found.soname, found.needed, found.rpath) == (
        "libx.so.1",
        ("liby.so", "libz.so"),
        (f"{here}/..", "/far"),
    )
    assert write("b.so", runpath="${ORIGIN}").runpath == (str(tmp_path),)


def test_a_runpath_makes_rpath_void(write: Write) -> None:
    assert write("a.so", rpath="/x").inherited_folders == ("/x",)
    assert write("b.so", rpath="/x", runpath="/y").inherited_folders == ()


def test_what_is_no_shared_object(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("#!/bin/sh\n")
    (tmp_path / "object.o").write_bytes(elf(kind=RELOCATABLE))
    assert [shared_objects.read_object(str(tmp_path / name)) for name in ("text", "object.o")] == [
        None,
        None,
    ]


@pytest.mark.parametrize("kept", [5, 40, 100, 200, -1])
def test_a_cut_file_is_named(tmp_path: Path, kept: int) -> None:
    (tmp_path / "liba.so").write_bytes(elf(needed="libb.so")[:kept])
    with pytest.raises(DamagedObjectError, match=r"/liba\.so "):
        shared_objects.read_object(str(tmp_path / "liba.so"))


# Which file is found


def test_the_order_in_which_places_are_searched(write: Write, tmp_path: Path) -> None:
    user = write("user.so", needed="liba.so", rpath="$ORIGIN/rpath")
    modern = write("modern.so", needed="liba.so", rpath="$ORIGIN/rpath", runpath="$ORIGIN/runpath")
    places = ("system", "cached", "runpath", "library_path", "rpath")
    cache = {"liba.so": (str(tmp_path / "cached" / "liba.so"),)}
    first = {"user.so": "system", "modern.so": "system"}
    for place in places:
        write(f"{place}/liba.so")
        first["user.so"] = place if place != "runpath" else first["user.so"]
        first["modern.so"] = place if place != "rpath" else first["modern.so"]
        for each in (user, modern):
            found = loader(tmp_path, "library_path", cache=cache).find_library("liba.so", each)
            assert found is not None
            assert Path(found.path).parent.name == first[Path(each.path).name]


def test_the_rpath_of_what_loads_is_searched_too(write: Write, tmp_path: Path) -> None:
    write("libs/liba.so", needed="libb.so")
    write("libs/libb.so")
    assert (
        loader(tmp_path).resolve_loading(write("old.so", needed="liba.so", rpath="$ORIGIN/libs"))[1]
        == []
    )
    missing = loader(tmp_path).resolve_loading(
        write("new.so", needed="liba.so", runpath="$ORIGIN/libs")
    )[1]
    assert missing == [MissingLibrary(str(tmp_path / "libs" / "liba.so"), "libb.so")]


def test_a_library_of_another_machine_is_passed_over(write: Write, tmp_path: Path) -> None:
    write("first/liba.so", machine=AARCH64)
    user = write("user.so", needed="liba.so")
    assert loader(tmp_path, "first").find_library("liba.so", user) is None
    write("system/liba.so")
    assert loader(tmp_path, "first").find_library("liba.so", user) is not None


def test_names_that_are_loaded_before_are_not_searched(write: Write, tmp_path: Path) -> None:
    user = write("user.so", needed="liba.so libb.so")
    write("system/liba.so", soname="libb.so")
    assert loader(tmp_path).resolve_loading(user)[1] == []
    assert (
        loader(tmp_path).resolve_loading(write("other.so", needed="libc.so"), {"libc.so"})[1] == []
    )


def test_a_path_is_not_searched(write: Write, tmp_path: Path) -> None:
    write("far/liba.so")
    user = write("user.so", needed=f"{tmp_path}/far/liba.so {tmp_path}/far/libb.so")
    assert loader(tmp_path).resolve_loading(user)[1] == [
        MissingLibrary(user.path, f"{tmp_path}/far/libb.so")
    ]


def test_a_library_is_judged_in_company(write: Write, tmp_path: Path) -> None:
    """A library of a wheel often has no RPATH, and is loaded by a module that has one."""
    module = write("module.so", needed="liba.so", rpath="$ORIGIN/libs")
    carried = write("libs/liba.so", needed="libb.so")
    other = write("libs/libb.so")
    nothing = lambda _: ()  # noqa: E731 - a function of one expression beside its use
    assert shared_objects.find_missing(loader(tmp_path), [module, carried, other], nothing) == []
    assert shared_objects.find_missing(loader(tmp_path), [carried, other], nothing) == [
        MissingLibrary(carried.path, "libb.so")
    ]


def test_libraries_that_need_each_other_are_judged(write: Write, tmp_path: Path) -> None:
    left = write("left.so", needed="right.so", rpath="$ORIGIN")
    right = write("right.so", needed="left.so libgone.so", rpath="$ORIGIN")
    found = shared_objects.find_missing(loader(tmp_path), [left, right], lambda _: ())
    assert found == [MissingLibrary(right.path, "libgone.so")]


def test_the_machines_own_loader_agrees() -> None:
    """`ldd` uses the real loader."""
    program = str(Path(sys.executable).resolve())
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    wanted = {str(Path(path).resolve()) for path in re.findall(r"(/\S+) \(0x", listed)}
    here = shared_objects.current_loader()
    start = here.read_cached(program)
    assert start is not None
    loaded, missing = here.resolve_loading(start)
    assert {each.file for each in loaded} - {program} == wanted
    assert not missing


def test_what_ldconfig_prints() -> None:
    listed = (
        "2 libs found in cache\n\tliba.so.1 (libc6,x86-64) => /lib/liba.so.1\n\tliba.so.1 "
        "(libc6) => /l/liba.so.1\n"
    )
    assert shared_objects.parse_ldconfig(listed) == {
        "liba.so.1": ("/lib/liba.so.1", "/l/liba.so.1")
    }


def test_objects_below_a_folder(write: Write, tmp_path: Path) -> None:
    for name in ("a.so", "deep/er/b.so.1", "program", "mounted/c.so", "mounted.so", "module.py"):
        write(name)
    (tmp_path / "link.so").symlink_to("a.so")
    (tmp_path / "text.so").write_text("INPUT(liba.so)")
    left_out = {str(tmp_path / "mounted"), str(tmp_path / "mounted.so")}
    found = {
        path.removeprefix(f"{tmp_path}/")
        for path in shared_objects.find_objects(str(tmp_path), left_out)
    }
    assert found == {"a.so", "deep/er/b.so.1", "program"}


def mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> tuple[tuple[str, ...], frozenset[str]]:
    lines = [f"1 0 0:9 / / rw shared:1 - {kind} none rw", "2 1 0:8 / /harness ro - ext4 /dev/a ro"]
    (tmp_path / "mountinfo").write_text("\n".join(lines))
    monkeypatch.setattr(shared_objects, "MOUNTS", tmp_path / "mountinfo")
    return shared_objects.folders_of_the_image()


def test_folders_of_an_image_and_of_a_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mounted(tmp_path, monkeypatch, "overlay") == (("/",), frozenset({"/harness"}))
    assert sys.prefix in mounted(tmp_path, monkeypatch, "ext4")[0]


# What is known of packages
