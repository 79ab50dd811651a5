"""How the libraries suite tells which libraries are found, loaded and installed, without an image."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from validation.suites import installed, known_needs, loaded_libraries, shared_objects, surroundings
from validation.suites.installed import RecordedFile
from validation.suites.shared_objects import DamagedObjectError, Loader, Missing, SharedObject

NULL, NEEDED, STRTAB, SONAME, RPATH, RUNPATH = 0, 1, 5, 14, 15, 29
X86_64, AARCH64 = 62, 183
RELOCATABLE, SHARED = 1, 3
SUITES = Path(installed.__file__).parent

Write = Callable[..., SharedObject]


def elf(machine: int = X86_64, kind: int = SHARED, **entries: str) -> bytes:
    """A shared object with nothing but its dynamic section: `needed`, `soname`, `rpath`, `runpath`."""
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
    header = ident + struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, size, size, 4096)
    at_dynamic = struct.pack("<IIQQQQQQ", 2, 4, headers, headers, headers, dynamic, dynamic, 8)
    return header + load + at_dynamic + b"".join(tags) + strings


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a shared object below the test's folder and reads it."""

    def written(name: str, **entries: Any) -> SharedObject:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(elf(**entries))
        found = shared_objects.read_object(str(path))
        assert found is not None
        return found

    return written


def loader(tmp_path: Path, *library_path: str, cache: Mapping[str, tuple[str, ...]] | None = None) -> Loader:
    """One for which the system has no libraries but those in `system`."""
    return Loader(tuple(str(tmp_path / each) for each in library_path), cache or {}, (str(tmp_path / "system"),))


# What one file says


def test_dynamic_section_is_read(write: Write, tmp_path: Path) -> None:
    found = write("a/libx.so", soname="libx.so.1", needed="liby.so libz.so", rpath="$ORIGIN/..:/far")
    here = str(tmp_path / "a")
    assert (found.soname, found.needed, found.rpath) == ("libx.so.1", ("liby.so", "libz.so"), (f"{here}/..", "/far"))
    assert write("b.so", runpath="${ORIGIN}").runpath == (str(tmp_path),)


def test_a_runpath_makes_rpath_void(write: Write) -> None:
    assert write("a.so", rpath="/x").inherited == ("/x",)
    assert write("b.so", rpath="/x", runpath="/y").inherited == ()


def test_what_is_no_shared_object(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("#!/bin/sh\n")
    (tmp_path / "object.o").write_bytes(elf(kind=RELOCATABLE))
    assert [shared_objects.read_object(str(tmp_path / name)) for name in ("text", "object.o")] == [None, None]


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
            found = loader(tmp_path, "library_path", cache=cache).find("liba.so", each)
            assert found is not None
            assert Path(found.path).parent.name == first[Path(each.path).name]


def test_the_rpath_of_what_loads_is_searched_too(write: Write, tmp_path: Path) -> None:
    write("libs/liba.so", needed="libb.so")
    write("libs/libb.so")
    assert loader(tmp_path).load(write("old.so", needed="liba.so", rpath="$ORIGIN/libs"))[1] == []
    missing = loader(tmp_path).load(write("new.so", needed="liba.so", runpath="$ORIGIN/libs"))[1]
    assert missing == [Missing(str(tmp_path / "libs" / "liba.so"), "libb.so")]


def test_a_library_of_another_machine_is_passed_over(write: Write, tmp_path: Path) -> None:
    write("first/liba.so", machine=AARCH64)
    user = write("user.so", needed="liba.so")
    assert loader(tmp_path, "first").find("liba.so", user) is None
    write("system/liba.so")
    assert loader(tmp_path, "first").find("liba.so", user) is not None


def test_names_that_are_loaded_before_are_not_searched(write: Write, tmp_path: Path) -> None:
    user = write("user.so", needed="liba.so libb.so")
    write("system/liba.so", soname="libb.so")
    assert loader(tmp_path).load(user)[1] == []
    assert loader(tmp_path).load(write("other.so", needed="libc.so"), {"libc.so"})[1] == []


def test_a_path_is_not_searched(write: Write, tmp_path: Path) -> None:
    write("far/liba.so")
    user = write("user.so", needed=f"{tmp_path}/far/liba.so {tmp_path}/far/libb.so")
    assert loader(tmp_path).load(user)[1] == [Missing(user.path, f"{tmp_path}/far/libb.so")]


def test_a_library_is_judged_in_company(write: Write, tmp_path: Path) -> None:
    """What a wheel carries often has no RPATH of its own, and is loaded by a module that has."""
    module = write("module.so", needed="liba.so", rpath="$ORIGIN/libs")
    carried = write("libs/liba.so", needed="libb.so")
    other = write("libs/libb.so")
    nothing = lambda _: ()  # noqa: E731
    assert shared_objects.unresolved(loader(tmp_path), [module, carried, other], nothing) == []
    assert shared_objects.unresolved(loader(tmp_path), [carried, other], nothing) == [Missing(carried.path, "libb.so")]


def test_libraries_that_need_each_other_are_judged(write: Write, tmp_path: Path) -> None:
    left = write("left.so", needed="right.so", rpath="$ORIGIN")
    right = write("right.so", needed="left.so libgone.so", rpath="$ORIGIN")
    found = shared_objects.unresolved(loader(tmp_path), [left, right], lambda _: ())
    assert found == [Missing(right.path, "libgone.so")]


def test_the_machines_own_loader_agrees() -> None:
    """ldd asks the real one."""
    program = str(Path(sys.executable).resolve())
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    wanted = {str(Path(path).resolve()) for path in re.findall(r"(/\S+) \(0x", listed)}
    here = shared_objects.this_loader()
    start = here.read(program)
    assert start is not None
    loaded, missing = here.load(start)
    assert {each.file for each in loaded} - {program} == wanted
    assert not missing


def test_what_ldconfig_prints() -> None:
    listed = (
        "2 libs found in cache\n\tliba.so.1 (libc6,x86-64) => /lib/liba.so.1\n\tliba.so.1 (libc6) => /l/liba.so.1\n"
    )
    assert shared_objects.cached(listed) == {"liba.so.1": ("/lib/liba.so.1", "/l/liba.so.1")}


def test_objects_below_a_folder(write: Write, tmp_path: Path) -> None:
    for name in ("a.so", "deep/er/b.so.1", "program", "mounted/c.so", "mounted.so", "module.py"):
        write(name)
    (tmp_path / "link.so").symlink_to("a.so")
    (tmp_path / "text.so").write_text("INPUT(liba.so)")
    left_out = {str(tmp_path / "mounted"), str(tmp_path / "mounted.so")}
    found = {path.removeprefix(f"{tmp_path}/") for path in shared_objects.objects_below(str(tmp_path), left_out)}
    assert found == {"a.so", "deep/er/b.so.1", "program"}


def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> tuple[tuple[str, ...], frozenset[str]]:
    lines = [f"1 0 0:9 / / rw shared:1 - {kind} none rw", "2 1 0:8 / /harness ro - ext4 /dev/a ro"]
    (tmp_path / "mountinfo").write_text("\n".join(lines))
    monkeypatch.setattr(shared_objects, "MOUNTS", tmp_path / "mountinfo")
    return shared_objects.folders_of_the_image()


def test_folders_of_an_image_and_of_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mounted(tmp_path, monkeypatch, "overlay") == (("/",), frozenset({"/harness"}))
    assert sys.prefix in mounted(tmp_path, monkeypatch, "ext4")[0]


# What is known of packages


@pytest.mark.parametrize(
    ("path", "needed", "allowed"),
    [
        ("/s/torch/lib/libcaffe2_nvrtc.so", "libcuda.so.1", True),
        ("/s/torch/lib/libtorch_cuda.so", "libcudart.so.12", False),
        ("/s/torchaudio/lib/libtorchaudio_sox.so", "libsox.so", True),
        ("/s/torchaudio/lib/libtorchaudio_sox.so", "libtorch.so", False),
        ("/s/torchaudio/lib/libtorchaudio.so", "libsox.so", False),
        ("/s/torio/lib/libtorio_ffmpeg4.so", "libavutil.so.56", True),
        ("/s/torio/lib/libtorio_ffmpeg4.so", "libc10.so", False),
        ("/s/torchaudio/lib/_torchaudio.so", "libtorchaudio.so", False),  # there is none beside it
    ],
)
def test_needs_that_may_be_missing(path: str, needed: str, allowed: bool) -> None:
    assert known_needs.may_be_missing(Missing(path, needed), "/s", with_driver=False) is allowed


def test_the_driver_is_needed_where_a_gpu_is() -> None:
    missing = Missing("/s/torch/lib/libcaffe2_nvrtc.so", "libcuda.so.1")
    assert not known_needs.may_be_missing(missing, "/s", with_driver=True)


def test_a_library_that_is_loaded_first(tmp_path: Path) -> None:
    missing = Missing(str(tmp_path / "torchaudio/lib/_torchaudio.so"), "libtorchaudio.so")
    Path(missing.path).parent.mkdir(parents=True)
    Path(missing.path).with_name("libtorchaudio.so").write_bytes(b"")
    assert known_needs.may_be_missing(missing, str(tmp_path), with_driver=False)


# What is loaded


MAPS = """\
7f00-7f01 r--p 00000000 fe:00 11 /v/libcudart.so.12
7f01-7f02 r-xp 00001000 fe:00 11 /v/libcudart.so.12
7f02-7f03 r--p 00000000 fe:00 12 /t/torchvision.libs/libcudart.41118559.so.12
7f03-7f04 rw-p 00000000 00:00 0 [heap]
7f04-7f05 r--p 00000000 fe:00 13 /p/libz.so.1
7f05-7f06 r--p 00000000 fe:00 14 /p/pillow.libs/libz-aa3e2b9c.so.1
7f06-7f07 rw-p 00000000 00:00 0
"""


def test_two_copies_are_found() -> None:
    loaded = loaded_libraries.mapped(MAPS)
    assert len(loaded) == 4
    # Nobody minds two of zlib, which keeps no state between calls.
    assert loaded_libraries.copies(loaded) == [
        "libcudart: /t/torchvision.libs/libcudart.41118559.so.12 and /v/libcudart.so.12"
    ]
    assert known_needs.is_private("/t/torchvision.libs/libcudart.41118559.so.12", "/t")
    assert loaded_libraries.copies(["/v/libcudart.so.12"]) == []


@pytest.mark.parametrize(
    ("file", "family"),
    [
        ("libgomp-a34b3233.so.1", "libgomp"),
        ("libquadmath-96973f99-934c22de.so.0.0.0", "libquadmath"),
        ("libcudart.41118559.so.12", "libcudart"),
        ("libnvrtc-builtins.so.12.4", "libnvrtc-builtins"),
        ("libcublasLt.so.12", "libcublasLt"),
    ],
)
def test_family(file: str, family: str) -> None:
    assert loaded_libraries.family(f"/x/{file}") == family


@pytest.mark.parametrize(
    ("found", "wanted", "same"),
    [
        ("12.4", "12.4.127", True),
        ("9.1.0", "9.1.0.70", True),
        ("12.4", "12.1", False),
        ("9.1.0", "9.10.0.70", False),
        ("2.21.5", "no version", False),
    ],
)
def test_versions_agree(found: str, wanted: str, same: bool) -> None:
    assert loaded_libraries.agree(found, wanted) is same


def test_cuda_version() -> None:
    assert (loaded_libraries.cuda_version(12040), loaded_libraries.cuda_version(11080)) == ("12.4", "11.8")


def test_what_a_loading_program_says() -> None:
    done = installed.python(SUITES / "load_each.py", "libm.so.6", "/nowhere/liba.so")
    (_, libm), (name, gone) = loaded_libraries.outcomes(done)
    assert libm.startswith("= /")
    assert (name, gone.startswith("! /nowhere/liba.so: cannot open shared object file")) == ("/nowhere/liba.so", True)


def test_a_loading_program_that_dies() -> None:
    died = subprocess.CompletedProcess([], -6, "liba.so\n= /x/liba.so\nlibb.so\n", "no part\nInvalid handle\n")
    assert loaded_libraries.outcomes(died)[1:] == [("libb.so", "! no part Invalid handle")]
    early = subprocess.CompletedProcess([], 1, "", "no Python\n")
    assert loaded_libraries.outcomes(early) == [("the program", "! no Python")]


def test_a_library_of_no_version() -> None:
    assert loaded_libraries.CUDART.version("libm.so.6").startswith("of no version (")


# What is installed


@pytest.mark.parametrize(
    ("here", "says"),
    [
        ([("a", "1"), ("b", "2")], []),
        ([("a", "1")], ["b 2 is missing"]),
        ([("a", "1"), ("b", "2"), ("c", "3")], ["c 3 is installed where the lock has no such package"]),
        ([("a", "1"), ("b", "3")], ["b 3 is installed where the lock has 2"]),
        ([("a", "1"), ("b", "2"), ("b", "3")], ["b 2 and 3 is installed where the lock has 2"]),
        ([("a", "1"), ("b", "2"), ("b", "2")], ["b 2 and 2 is installed where the lock has 2"]),
    ],
)
def test_differences_to_the_lock(here: list[tuple[str, str]], says: list[str]) -> None:
    assert installed.differences(here, [("a", "1"), ("b", "2")]) == says


def test_own_packages_are_listed_with_their_files() -> None:
    own = dict(installed.packages())
    assert own["pytest"] == distribution("pytest").version
    files = [file for file in installed.recorded_files() if file.package == "pytest"]
    assert len(files) > 50
    assert not [file.problem for file in files if file.problem]


def test_packages_of_the_harness_are_not_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mounted-1.0.dist-info").mkdir()
    (tmp_path / "mounted-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: mounted\nVersion: 1.0\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    installed.own_distributions.cache_clear()
    assert "mounted" in dict(installed.packages())
    assert installed.without_record() == ["mounted"]
    monkeypatch.setenv("VALIDATION_ROOT", str(tmp_path))
    installed.own_distributions.cache_clear()
    assert "mounted" not in dict(installed.packages())
    installed.own_distributions.cache_clear()


def test_a_recorded_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    path = str(tmp_path / "a")
    assert RecordedFile("p", path, 5).problem == RecordedFile("p", path, None).problem == ""
    assert RecordedFile("p", path, 6).problem == f"{path} of p has 5 bytes of 6"
    assert RecordedFile("p", f"{path}b", 6).problem == f"{path}b of p: No such file or directory"


def test_requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch-1.dist-info").mkdir()
    wants = ("nvidia-cudnn-cu12 (==9.1.0.70) ; x == 'y'", "triton==3.2.0; x", "filelock", "torch_x>=2")
    lines = ["Metadata-Version: 2.1", "Name: torch", "Version: 1", *(f"Requires-Dist: {each}" for each in wants), ""]
    (tmp_path / "torch-1.dist-info" / "METADATA").write_text("\n".join(lines))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    installed.own_distributions.cache_clear()
    assert installed.pinned_by("torch") == {"nvidia-cudnn-cu12": "9.1.0.70", "triton": "3.2.0"}
    assert installed.needing("filelock") == {"torch"}
    assert installed.needing("torch") == set()
    installed.own_distributions.cache_clear()


def test_a_command_that_cannot_be_run() -> None:
    assert installed.problem(installed.run("no-such-command")) == "exit 127, no-such-command: No such file or directory"


def test_some() -> None:
    assert installed.some(["a", "b"]) == "a, b"
    assert installed.some("abcde") == "a, b, c and 2 more"


# What programs find around them


def test_a_folder_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    assert surroundings.writing_problem(tmp_path / "a" / "b") == ""
    assert not [*tmp_path.iterdir()]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = surroundings.writing_problem(tmp_path / "file" / "below")
    assert found == f"{tmp_path / 'file' / 'below'}: Not a directory"


def test_processes_that_end_and_that_do_not() -> None:
    zombie = subprocess.Popen(["true"])
    assert not surroundings.ends_within(zombie.pid, 0.2)
    zombie.wait()
    assert surroundings.ends_within(zombie.pid, 0.2)


def test_text_goes_through_a_program(tmp_path: Path) -> None:
    command = [sys.executable, str(SUITES / "echo_text.py"), str(tmp_path)]
    done = subprocess.run(command, input="größer", capture_output=True, text=True, check=True, encoding="utf-8")
    assert done.stdout == "größerTrue\n"
    assert (tmp_path / "größer").read_text(encoding="utf-8") == "größer"
