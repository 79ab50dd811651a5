"""Locks: what is in them, and what of a catalogue they can contradict."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from images import line_locks
from images.catalog import IMAGES
from images.locks import Wheel, read_lock, write_lock
from runner.errors import ConfigError
from tests.fakes.own_catalog import load_own_catalog
from tests.fakes.refusal import refused

LINE = "2.6"
STACKS = tuple(load_own_catalog().stacks)
GOOD = f"one==1.0 --hash=sha256:{'a' * 64}  # one-1.0-py3-none-any.whl 10"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "2.6.lock"


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of the shipped locks."""
    for stack in STACKS:
        (tmp_path / stack).mkdir()
        shutil.copy(IMAGES / stack / f"{LINE}.lock", tmp_path / stack)
    return tmp_path


@pytest.fixture
def change(shipped: Path) -> Callable[[str, str, str], int]:
    """Replace the first match in the lock of a stack; returns its line."""

    def changed(stack: str, pattern: str, text: str) -> int:
        path = shipped / stack / f"{LINE}.lock"
        before = path.read_text()
        match = re.search(pattern, before, re.MULTILINE)
        assert match is not None, f"nothing in the lock of {stack} matches {pattern}"
        path.write_text(before[: match.start()] + match.expand(text) + before[match.end() :])
        return before[: match.start()].count("\n") + 1

    return changed


def check(shipped: Path) -> None:
    line_locks.locks_of(load_own_catalog(), LINE, STACKS, shipped)


def test_a_version_with_more_digits_than_python_reads(lock: Path) -> None:
    lock.write_text(GOOD.replace("1.0", "1" * 5000) + "\n")
    with refused(ConfigError, f"{lock}:1", "not a wheel's file name"):
        read_lock(lock)


@pytest.mark.parametrize("stack", STACKS)
def test_a_lock_is_written_as_it_was_read(stack: str, lock: Path) -> None:
    original = IMAGES / stack / f"{LINE}.lock"
    write_lock(lock, stack, [*read_lock(original).wheels])
    assert lock.read_text() == original.read_text()


@pytest.mark.parametrize("stack", STACKS)
def test_a_lock_names_no_place(stack: str) -> None:
    """Names, versions and hashes; no index, no address, no path."""
    text = (IMAGES / stack / f"{LINE}.lock").read_text()
    assert "://" not in text
    assert not re.search(r"^\s*-", text, re.MULTILINE)
    assert all("/" not in wheel.file for wheel in read_lock(IMAGES / stack / f"{LINE}.lock").wheels)


def test_a_lock_says_where_each_wheel_stands(lock: Path) -> None:
    lock.write_text(f"# head\n\n{GOOD}\n")
    assert read_lock(lock).wheels == (
        Wheel("one", "1.0", "a" * 64, "one-1.0-py3-none-any.whl", 10, 3),
    )


DAMAGED = [
    pytest.param(GOOD.replace("==", ">="), "not `NAME==VERSION", id="not pinned"),
    pytest.param(GOOD.replace("a" * 64, "a" * 63), "not `NAME==VERSION", id="hash too short"),
    pytest.param(GOOD.replace("sha256", "md5"), "not `NAME==VERSION", id="another hash"),
    pytest.param(GOOD.partition(" --")[0], "not `NAME==VERSION", id="no hash"),
    pytest.param(GOOD.rpartition(" ")[0], "not `NAME==VERSION", id="no size"),
    pytest.param(GOOD[:50], "not `NAME==VERSION", id="cut off"),
    pytest.param(f"  {GOOD}", "not `NAME==VERSION", id="indented"),
    pytest.param(
        f"{GOOD[:-2]}\N{ARABIC-INDIC DIGIT THREE}", "not `NAME==VERSION", id="size in other digits"
    ),
    pytest.param("--extra-index-url x", "not `NAME==VERSION", id="an option"),
    pytest.param("<<<<<<< HEAD", "not `NAME==VERSION", id="left-over of a merge"),
    pytest.param(
        GOOD.replace("one-1.0-py3-none-any", "one-1.0"),
        "not a wheel's file name",
        id="no wheel's name",
    ),
    pytest.param(
        GOOD.replace("one-1.0-", "../one-1.0-"),
        "not a wheel's file name",
        id="file in another folder",
    ),
    pytest.param(
        GOOD.replace("-any.whl", "-x/../../y.whl"),
        "not a wheel's file name",
        id="a path in the tags",
    ),
    pytest.param(
        GOOD.replace("one-1.0-", "two-1.0-"), "is not one 1.0", id="file of another package"
    ),
    pytest.param(
        GOOD.replace("one-1.0-", "one-1.1-"), "is not one 1.0", id="file of another version"
    ),
]


@pytest.mark.parametrize(("line", "words"), DAMAGED)
def test_a_damaged_line(lock: Path, line: str, words: str) -> None:
    lock.write_text(f"# head\n{GOOD}\n{line}\n")
    with refused(ConfigError, f"{lock}:3:", words, "release.py lock"):
        read_lock(lock)


def test_a_lock_that_is_not_text(lock: Path) -> None:
    lock.write_bytes(GOOD.encode() + b"\n\xff\xfe")
    with refused(ConfigError, f"{lock}:2:", "UTF-8"):
        read_lock(lock)


# Against the catalogue, and against each other


def test_the_shipped_locks_pass(shipped: Path) -> None:
    check(shipped)


def test_a_missing_lock(shipped: Path) -> None:
    (shipped / "cv" / f"{LINE}.lock").unlink()
    with refused(ConfigError, f"missing lock {shipped}/cv/{LINE}.lock", "release.py lock"):
        check(shipped)


def test_two_locks_with_different_wheels_of_one_package(
    shipped: Path, change: Callable[..., int]
) -> None:
    numpy = next(
        wheel
        for wheel in read_lock(shipped / "base" / f"{LINE}.lock").wheels
        if wheel.name == "numpy"
    )
    other = dataclasses.replace(numpy, sha256="b" * 64)
    line = change("nlp", r"\Z", other.lock_line().replace("\\", "") + "\n")
    with refused(
        ConfigError, f"{shipped}/nlp/{LINE}.lock:{line}:", "numpy", f"{shipped}/base/{LINE}.lock"
    ):
        check(shipped)


def test_two_wheels_of_one_package_spelled_differently(
    shipped: Path, change: Callable[..., int]
) -> None:
    numpy = next(
        wheel
        for wheel in read_lock(shipped / "base" / f"{LINE}.lock").wheels
        if wheel.name == "numpy"
    )
    other = dataclasses.replace(numpy, name="NumPy", sha256="b" * 64)
    line = change("nlp", r"\Z", other.lock_line() + "\n")
    with refused(ConfigError, f"{shipped}/nlp/{LINE}.lock:{line}:", "NumPy", "numpy"):
        check(shipped)


@pytest.mark.parametrize(
    "again", [GOOD, GOOD.replace("1.0", "1.1")], ids=["the same", "another version"]
)
def test_a_wheel_twice_in_one_lock(lock: Path, again: str) -> None:
    lock.write_text(f"{GOOD}\n{again}\n")
    with refused(ConfigError, f"{lock}:2:", "one is locked twice"):
        read_lock(lock)


@pytest.mark.parametrize("package", ["torch", "torchvision", "torchaudio"])
def test_a_lock_of_another_version_than_the_catalogue(
    shipped: Path, change: Callable[..., int], package: str
) -> None:
    line = change(
        "base", rf"^{package}==(\S+) (.*{package}-)[\d.]+", rf"{package}==9.9.9 \g<2>9.9.9"
    )
    with refused(
        ConfigError, f"{shipped}/base/{LINE}.lock:{line}:", package, "9.9.9", "release.py lock"
    ):
        check(shipped)


def test_a_lock_without_torch(shipped: Path, change: Callable[..., int]) -> None:
    change("base", r"^torch==.*\n", "")
    with refused(ConfigError, "torch 2.6.0", "the lock holds none"):
        check(shipped)


def test_a_lock_of_another_cuda(shipped: Path, change: Callable[..., int]) -> None:
    line = change(
        "base",
        r"^(nvidia.cuda.runtime\S*)==\S+ (.*runtime_cu12-)[\d.]+",
        r"\1==12.6.77 \g<2>12.6.77",
    )
    with refused(ConfigError, f"{shipped}/base/{LINE}.lock:{line}:", "CUDA 12.4", "12.6.77"):
        check(shipped)


def test_a_lock_without_cuda(shipped: Path, change: Callable[..., int]) -> None:
    change("base", r"^nvidia.cuda.runtime.*\n", "")
    with refused(ConfigError, f"{shipped}/base/{LINE}.lock:1:", "CUDA 12.4", "holds none"):
        check(shipped)


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("nvidia-cudnn-cu12", "torch 2.6.0 for CUDA 12.4 requires cudnn 9.1.0.70, the lock holds"),
        ("nvidia-nccl-cu12", "torch 2.6.0 for CUDA 12.4 requires nccl 2.21.5, the lock holds"),
    ],
)
def test_a_lock_of_another_library_than_torch_requires(
    shipped: Path, change: Callable[..., int], package: str, words: str
) -> None:
    file = package.replace("-", "_")
    line = change("base", rf"^{package}==(\S+) (.*{file}-)[\d.]+", rf"{package}==9.9.9 \g<2>9.9.9")
    with refused(ConfigError, f"{shipped}/base/{LINE}.lock:{line}:", words, "9.9.9"):
        check(shipped)


def other_build(change: Callable[[str, str, str], int]) -> None:
    """Lock torch and its packages in the build for CUDA 12.6, as an index of PyTorch has them."""
    for name in ("torch", "torchvision", "torchaudio"):
        change(
            "base",
            rf"^{name}==([\d.]+) (.*# {name}-)\1-",
            rf"{name}==\g<1>+cu126 \g<2>\g<1>+cu126-",
        )
    change(
        "base",
        r"^(nvidia-cuda-runtime-cu12)==[\d.]+ (.*-)12\.4\.127-",
        r"\1==12.6.77 \g<2>12.6.77-",
    )


def test_a_local_version_is_the_build_for_that_cuda(
    shipped: Path, change: Callable[[str, str, str], int]
) -> None:
    other_build(change)
    own = load_own_catalog()
    lines = {LINE: dataclasses.replace(own.lines[LINE], cuda="12.6")}
    line_locks.locks_of(dataclasses.replace(own, lines=lines), LINE, STACKS, shipped)


def test_a_local_version_of_another_cuda(
    shipped: Path, change: Callable[[str, str, str], int]
) -> None:
    other_build(change)
    with refused(ConfigError, "torch 2.6.0 for CUDA 12.4", "holds torch 2.6.0+cu126", "an index"):
        check(shipped)
