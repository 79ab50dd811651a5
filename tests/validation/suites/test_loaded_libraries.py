"""Loaded libraries: which, in how many copies, and whether their versions agree."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from validation.suites import installed
from validation.suites.libraries import known_needs, loaded_libraries
from validation.suites.libraries.shared_objects import MissingLibrary

BESIDE = Path(loaded_libraries.__file__).parent


def test_a_library_that_is_loaded_first(tmp_path: Path) -> None:
    missing = MissingLibrary(str(tmp_path / "torchaudio/lib/_torchaudio.so"), "libtorchaudio.so")
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
    loaded = loaded_libraries.parse_maps(MAPS)
    assert len(loaded) == 4
    # Nobody minds two of zlib, which keeps no state between calls.
    assert loaded_libraries.find_copies(loaded) == [
        "libcudart: /t/torchvision.libs/libcudart.41118559.so.12 and /v/libcudart.so.12"
    ]
    assert known_needs.is_private("/t/torchvision.libs/libcudart.41118559.so.12", "/t")
    assert loaded_libraries.find_copies(["/v/libcudart.so.12"]) == []


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
    assert loaded_libraries.family_name(f"/x/{file}") == family


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
    assert loaded_libraries.versions_agree(found, wanted) is same


def test_cuda_version() -> None:
    assert (
        loaded_libraries.format_cuda_version(12040),
        loaded_libraries.format_cuda_version(11080),
    ) == (
        "12.4",
        "11.8",
    )


def test_what_a_loading_program_says() -> None:
    done = installed.run_python(BESIDE / "load_each.py", "libm.so.6", "/nowhere/liba.so")
    (_, libm), (name, gone) = loaded_libraries.parse_outcomes(done)
    assert libm.startswith("= /")
    assert (name, gone.startswith("! /nowhere/liba.so: cannot open shared object file")) == (
        "/nowhere/liba.so",
        True,
    )


def test_a_loading_program_that_dies() -> None:
    died = subprocess.CompletedProcess(
        [], -6, "liba.so\n= /x/liba.so\nlibb.so\n", "no part\nInvalid handle\n"
    )
    assert loaded_libraries.parse_outcomes(died)[1:] == [("libb.so", "! no part Invalid handle")]
    early = subprocess.CompletedProcess([], 1, "", "no Python\n")
    assert loaded_libraries.parse_outcomes(early) == [("the program", "! no Python")]


def test_a_library_of_no_version() -> None:
    assert loaded_libraries.CUDART.read_version("libm.so.6").startswith("of no version (")


# What is installed


@pytest.mark.parametrize(
    ("found", "least", "good"),
    [
        ("9.10.2", "9.8.0", True),
        ("9.8.0", "9.8.0", True),
        ("9.7.9", "9.8.0", False),
        ("10.0.0", "9.8.0", False),
    ],
)
def test_a_library_may_be_newer_within_its_major_version(
    found: str, least: str, good: bool
) -> None:
    assert loaded_libraries.is_at_least(found, least) is good


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("/l/libnccl.so.2", True),
        ("/l/libc10.so", True),
        ("/l/sort.so_heap.h", False),
        ("/l/std/algorithm.sort_heap.h", False),
    ],
)
def test_names_of_shared_objects(path: str, is_one: bool) -> None:
    assert loaded_libraries.is_shared_object(path) is is_one


def test_a_line_may_do_without_a_library() -> None:
    curand = next(each for each in loaded_libraries.LIBRARIES if each.family == "libcurand")
    assert curand.is_locked(["nvidia-curand"])
    assert curand.is_locked(["nvidia-curand-cu12"])
    assert not curand.is_locked(["nvidia-cublas", "nvidia-curand-extra"])


def test_openmp_of_an_installed_compiler_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that was only put into the folder is a second copy."""
    library, link = tmp_path / "libgomp.so.1.0.0", tmp_path / "x86_64-linux-gnu/12/libgomp.so"
    library.touch()
    monkeypatch.setattr(known_needs, "GCC", tmp_path)
    assert not known_needs.is_private(str(library), "/t")
    link.parent.mkdir(parents=True)
    link.symlink_to(library)
    assert known_needs.is_private(str(library), "/t")
    assert not known_needs.is_private(str(tmp_path / "libgomp.so.2"), "/t")
