"""Files are opened in two places alone, which take regular files of bounded size."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oci.registry import file_sha256
from runner import records
from runner.errors import ConfigError, EnvironmentFailed
from runner.home import REPOSITORY
from tests.fakes.refusal import refused
from tests.inside_images import runs_in_images
from tests.test_structure import RANKS

_WRITES = ("w", "wb", "x", "xb", "a", "ab")


def opens(source: str) -> Iterator[int]:
    """The line of each call that reads a file by its path, whatever is there."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        writes = any(isinstance(each, ast.Constant) and each.value in _WRITES for each in given)
        streams = any(keyword.arg == "fileobj" for keyword in node.keywords)
        reads = name in ("read_text", "read_bytes") and owner != "records"
        if reads or (
            name == "open" and not (writes or streams or owner in ("self._zip", "archive"))
        ):
            yield node.lineno


def wrong_opens(root: Path) -> list[str]:
    """`FILE:LINE` of every file that is opened past `runner/`."""
    folders = (root / name for name in RANKS if name not in ("runner", "release"))
    return [
        f"{path.relative_to(root)}:{line}"
        for folder in folders
        for path in sorted(folder.rglob("*.py"))
        if not runs_in_images(str(path.relative_to(root)))
        for line in opens(path.read_text(encoding="utf-8"))
    ]


def test_files_are_opened_by_the_runner() -> None:
    assert not wrong_opens(REPOSITORY)


@pytest.mark.parametrize(
    "source",
    [
        "path.read_text()",
        "Path('/dev/stdin').read_bytes()",
        "open(name)",
        "path.open('rb')",
        "tarfile.open(path)",
        "os.open(path, os.O_RDONLY)",
    ],
)
def test_a_planted_read_is_found(tmp_path: Path, source: str) -> None:
    (tmp_path / "scan").mkdir()
    (tmp_path / "scan" / "a.py").write_text(f"\n{source}\n")
    assert wrong_opens(tmp_path) == ["scan/a.py:2"]


@pytest.mark.parametrize(
    "source",
    ["records.read_text(path)", "target.open('wb')", "tarfile.open(fileobj=file, mode='r:')"],
)
def test_what_is_no_read_by_path(source: str) -> None:
    assert not [*opens(source)]


def _named_pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def _link_to_a_device(path: Path) -> Path:
    path.symlink_to("/dev/zero")
    return path


Make = Callable[[Path], Path]
SPECIAL = pytest.mark.parametrize("make", [_named_pipe, _link_to_a_device])


@SPECIAL
@pytest.mark.parametrize("read", [records.open_binary, records.read_document, file_sha256])
def test_only_regular_files_are_read_in_parts(
    tmp_path: Path, make: Make, read: Callable[[Path], object]
) -> None:
    path = make(tmp_path / "file")
    with refused(EnvironmentFailed, str(path), "not a regular file"):
        read(path)


@SPECIAL
def test_only_regular_files_of_the_repository(tmp_path: Path, make: Make) -> None:
    path = make(tmp_path / "Dockerfile")
    with refused(ConfigError, str(path), "not a regular file"):
        records.read_bytes(path)


def test_a_file_is_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text")
    (tmp_path / "link").symlink_to("file")
    with records.open_binary(tmp_path / "link") as file:
        assert file.read() == b"text"
        assert file.seek(1) == 1
    assert records.read_document(tmp_path / "link") == b"text"


def test_a_missing_file_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        records.open_binary(tmp_path / "missing")
