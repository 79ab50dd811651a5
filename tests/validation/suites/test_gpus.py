"""The device suite's knowledge of GPUs, drivers and compiled code, tested without GPU or driver."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from tests.defects import stand_in
from validation.suites import driver
from validation.suites.contract.words import NO_GPU
from validation.suites.device import architectures
from validation.suites.gpus import capability_of, driver_message, fail_with_cause, runs_on

CU124 = ["sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90"]


@pytest.mark.parametrize(
    ("capability", "built_for", "runs"),
    (
        ((8, 0), CU124, True),
        ((8, 6), CU124, True),
        ((8, 9), CU124, True),  # Ada runs Ampere's code
        ((8, 6), ["sm_80"], True),
        ((8, 0), ["sm_86"], False),  # a later minor's code does not run
        ((7, 2), ["sm_70"], True),
        ((9, 0), ["sm_80", "sm_86"], False),  # nor another major's
        ((3, 7), CU124, False),
        ((10, 0), CU124, False),
        ((12, 0), CU124, False),
        ((10, 0), [*CU124, "compute_90"], True),  # PTX runs on anything later
        ((8, 9), ["compute_90"], False),
        ((9, 0), ["sm_90a"], True),
        ((9, 1), ["sm_90a"], False),
        ((10, 3), ["sm_100f"], True),
        ((12, 1), ["sm_120"], True),
        ((8, 0), [], False),
        ((8, 0), ["gfx90a", "sm_", "sm_8"], False),
    ),
)
def test_code_runs_on(capability: tuple[int, int], built_for: list[str], runs: bool) -> None:
    assert runs_on(capability, built_for) is runs


def test_capability_of_a_name() -> None:
    assert [capability_of(name) for name in ("sm_86", "compute_90", "sm_120")] == [
        (8, 6),
        (9, 0),
        (12, 0),
    ]
    with pytest.raises(ValueError, match="`gfx90a` is not an architecture"):
        capability_of("gfx90a")


@pytest.mark.parametrize(
    ("text", "words"),
    (
        (
            "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions? Error "
            "804: forward "
            "compatibility was attempted on non supported HW (Triggered internally at a.cpp:109.)",
            "804 (forward compatibility was attempted on non supported HW)",
        ),
        (
            "Found no NVIDIA driver on your system. Please check",
            "`Found no NVIDIA driver on your system`",
        ),
        ("No CUDA GPUs are available", "`No CUDA GPUs are available`"),
        ("Torch not compiled with CUDA enabled\nmore", "`Torch not compiled with CUDA enabled`"),
    ),
)
def test_words_of_the_driver(text: str, words: str) -> None:
    assert driver_message(text) == words


@pytest.mark.parametrize(
    ("number", "own", "begins", "cause"),
    (
        (804, [], "torch", "the compat package is not usable with this GPU"),
        (803, [], "infra: torch", "reboot after a driver update"),
        (
            803,
            [Path("/usr/local/cuda/compat/libcuda.so.1")],
            "torch",
            "reboot after a driver update",
        ),
        (802, [], "infra: torch", "nvidia-fabricmanager"),
        (46, [], "torch", "no GPU was passed"),
    ),
)
def test_whose_fault_it_is(
    number: int, own: list[Path], begins: str, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image with a libcuda of its own cannot blame the runner."""
    monkeypatch.setattr(driver, "libraries_of_the_image", lambda: own)
    with pytest.raises(pytest.fail.Exception) as failed:
        fail_with_cause("torch counts 0", "2", f"the driver says {number} (...)")
    said = str(failed.value)
    assert said.startswith(f"{begins} counts 0, expected 2; likely cause: ")
    assert cause in said


# A driver's library in the image


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file system with a kernel module of 550.54.15 and no libcuda."""
    (tmp_path / "version").write_text(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC "
        "2024\nGCC version: 12.2\n"
    )
    (tmp_path / "mountinfo").write_text("22 1 0:21 / / rw - overlay overlay rw\n")
    (tmp_path / "usr" / "lib").mkdir(parents=True)
    (tmp_path / "conf").mkdir()
    monkeypatch.setattr(driver, "_PLACES", (str(tmp_path / "usr"),))
    monkeypatch.setattr(driver, "_KERNEL_MODULE", tmp_path / "version")
    monkeypatch.setattr(driver, "_MOUNTS", tmp_path / "mountinfo")
    monkeypatch.setattr(driver, "_LOADER", tmp_path / "conf")
    monkeypatch.setattr("sys.prefix", str(tmp_path / "usr"))
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    return tmp_path


def _installed(folder: Path, version: str = "550.54.15") -> Path:
    """Install a library as a driver or a compat package does: a file, and links to it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"libcuda.so.{version}"
    file.touch()
    (folder / "libcuda.so.1").symlink_to(file.name)
    (folder / "libcuda.so").symlink_to("libcuda.so.1")
    return file


def test_a_clean_image_has_no_libcuda(image: Path) -> None:
    (image / "usr" / "lib" / "libcudart.so.12").touch()
    assert driver.libraries_of_the_image() == []


def test_the_drivers_own_library(image: Path) -> None:
    """A library of the kernel module's version is the driver's, mounted or installed."""
    _installed(image / "usr" / "lib")
    assert driver.libraries_of_the_image() == []


def test_a_compat_package(image: Path) -> None:
    _installed(image / "usr" / "lib")
    compat = _installed(image / "usr" / "local" / "cuda" / "compat", "560.35.03")
    assert driver.libraries_of_the_image() == [compat]


@pytest.mark.parametrize("says", ("no driver is loaded", ""))
def test_without_a_driver_none_belongs(says: str, image: Path) -> None:
    (image / "version").write_text(says) if says else (image / "version").unlink()
    installed = _installed(image / "usr" / "lib")
    assert driver.libraries_of_the_image() == [installed]


def test_the_open_kernel_module(image: Path) -> None:
    text = (
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build  "
        "(dvs-builder)\n"
    )
    (image / "version").write_text(text)
    _installed(image / "usr" / "lib", "570.86.15")
    assert driver.libraries_of_the_image() == []


@pytest.mark.parametrize("mounted", ("usr/lib/libcuda.so.999", "usr/lib"))
def test_what_is_mounted_is_not_the_images(mounted: str, image: Path) -> None:
    _installed(image / "usr" / "lib", "999")
    (image / "mountinfo").write_text(
        f"22 1 0:21 / / rw -\n30 22 0:5 / {image / mounted} ro - ext4 x ro\n"
    )
    assert driver.libraries_of_the_image() == []


@pytest.mark.parametrize("how", ("LD_LIBRARY_PATH", "ld.so.conf.d", "not at all"))
def test_a_stub_counts_where_the_loader_looks(
    how: str, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stubs = image / "usr" / "local" / "cuda" / "lib64" / "stubs"
    stubs.mkdir(parents=True)
    (stubs / "libcuda.so").touch()
    if how == "LD_LIBRARY_PATH":
        monkeypatch.setenv(how, f"/nowhere:{stubs}:")
    elif how == "ld.so.conf.d":
        (image / "conf" / "cuda.conf").write_text(f"# CUDA\n{stubs}\n")
    assert driver.libraries_of_the_image() == (
        [] if how == "not at all" else [stubs / "libcuda.so"]
    )


def test_a_place_elsewhere(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compat = _installed(image / "elsewhere", "560.35.03")
    assert driver.libraries_of_the_image() == []
    monkeypatch.setenv("LD_LIBRARY_PATH", str(image / "elsewhere"))
    assert driver.libraries_of_the_image() == [compat]


def test_counting_by_nvml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real library is loaded: one counts three GPUs, one refuses, one is missing."""
    refusing = stand_in.library(
        {"nvmlInit_v2": stand_in.Answer(9), "nvmlDeviceGetCount_v2": stand_in.Answer()}
    )
    for name, content, found in (
        ("three", stand_in.nvml(3), (3, "")),
        ("no", refusing, (0, "NVML error 9")),
    ):
        (tmp_path / name).write_bytes(content)
        monkeypatch.setattr(driver, "NVML", str(tmp_path / name))
        assert driver.count_nvml_gpus() == found
    monkeypatch.setattr(driver, "NVML", "libnot-there.so.1")
    count, why = driver.count_nvml_gpus()
    assert (count, "libnot-there.so.1: cannot open shared object file" in why) == (0, True)


# What a file carries code for


def _entry(kind: int, architecture: int, code: bytes = b"\1" * 24) -> bytes:
    return (
        struct.pack("<HHIQ12xI", kind, 0x101, 64, len(code), architecture).ljust(64, b"\0") + code
    )


def _binary(*entries: bytes) -> bytes:
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, sum(map(len, entries))) + b"".join(entries)


def test_fat_binaries_are_read() -> None:
    content = (
        _binary(_entry(2, 80), _entry(2, 90), _entry(1, 90))
        + bytes(16)
        + _binary(_entry(2, 75), _entry(8, 99))
    )
    found = list(architectures.iter_fat_binaries(content, 0, len(content)))
    assert found == [{"sm_80", "sm_90", "compute_90"}, {"sm_75"}]


def test_what_is_no_fat_binary_is_refused() -> None:
    content = _binary(_entry(2, 80)) + b"something else here"
    with pytest.raises(ValueError, match="no fat binary at byte 104"):
        list(architectures.iter_fat_binaries(content, 0, len(content)))


def test_a_library_without_gpu_code(tmp_path: Path) -> None:
    (tmp_path / "a.so").write_bytes(stand_in.nvml(1))
    assert architectures.read_fat_binaries(tmp_path / "a.so") == []


def test_importing_it_needs_no_torch() -> None:
    """Tests import the suites on a machine without torch; the host imports only the contract."""
    assert "torch" not in sys.modules
    assert NO_GPU == "the suites ran without a GPU"
