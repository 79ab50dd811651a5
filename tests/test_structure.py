"""Imports go one way only: what is below knows nothing of what is above."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.home import REPOSITORY

RANKS = {
    "runner": 0,
    "oci": 1,
    "images": 2,
    "scan": 3,
    "validation": 3,
    "publish": 4,
    "report": 5,
    "commands": 6,
    "release": 7,
}
ROOMS = {
    "validation/suites": 0,
    "validation": 1,
    "validation/host_suites": 2,
    "validation/executors": 3,
    "validation/regression": 4,
    "validation/clean_machine": 4,
    "validation/run": 5,
    "validation/pristine": 5,
    "validation/recording": 5,
    "validation/mutations": 6,
    "validation/parts": 6,
    "validation/node_results": 7,
    "publish/evidence": 0,
    "publish/policy": 1,
    "publish/tags": 1,
    "publish/released": 2,
    "publish": 3,
}
"""The rooms inside a package, as RANKS is for packages: a room imports only rooms below it.

A room is a folder or one module.
"""

OUTSIDE = {"tests", "benchmarks"}
"""May import everything, and nothing of RANKS imports them."""


def imported(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Line and first name of every import in a module, those inside functions and by string too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, package if node.level else (node.module or "").partition(".")[0]
        elif isinstance(node, ast.Call) and (name := _by_string(node)):
            yield node.lineno, name.partition(".")[0]


def _by_string(call: ast.Call) -> str:
    function = (
        call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    )
    first = call.args[0] if call.args else None
    named = isinstance(first, ast.Constant) and isinstance(first.value, str)
    return str(first.value) if named and function in ("import_module", "__import__") else ""  # type: ignore[union-attr] # it is, says the line above


def wrong_imports(root: Path) -> list[str]:
    """Every import that goes up, sideways or out, as `FILE:LINE: PACKAGE imports PACKAGE`."""
    return [
        f"{path.relative_to(root)}:{line}: {package} imports {name}"
        for package in RANKS
        for path in (sorted((root / package).rglob("*.py")) or [root / f"{package}.py"])
        if path.exists()
        for line, name in imported(path.read_text(encoding="utf-8"), package)
        if name != package and (name in OUTSIDE or RANKS.get(name, -1) >= RANKS[package])
    ]


def room_of(path: str) -> str:
    """Return the innermost room that holds a file or module, written with `/`; empty if none
    does.
    """
    return max(
        (room for room in ROOMS if path == room or path.startswith(f"{room}/")), key=len, default=""
    )


def modules_named(source: str) -> Iterator[tuple[int, str]]:
    """Return the line and the full name, written with `/`, of every module that a module
    imports.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.replace(".", "/")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            base = node.module.replace(".", "/")
            yield from ((node.lineno, f"{base}/{alias.name}") for alias in node.names)


def wrong_rooms(root: Path) -> list[str]:
    """Return every import of a room that is not below, as `FILE:LINE: ROOM imports ROOM`."""
    found = []
    for path in sorted(path for room in ROOMS for path in (root / room).glob("**/*.py")):
        room = room_of(str(path.relative_to(root)).removesuffix(".py"))
        for line, name in modules_named(path.read_text(encoding="utf-8")):
            other = room_of(name)
            is_same_package = other.partition("/")[0] == room.partition("/")[0]
            if is_same_package and other != room and ROOMS[other] >= ROOMS[room]:
                found.append(f"{path.relative_to(root)}:{line}: {room} imports {other}")
    return sorted(set(found))


def test_rooms_import_only_what_is_below() -> None:
    assert not wrong_rooms(REPOSITORY)


def test_every_folder_with_code_is_in_the_architecture() -> None:
    """A folder of tests that is named after a folder of code needs no line of its own."""
    page = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    code = {
        path.parent.relative_to(REPOSITORY)
        for room in (*RANKS, *OUTSIDE)
        for path in (REPOSITORY / room).rglob("*.py")
    }
    folders = {each for each in code if "planted" not in each.parts}
    named = {each for each in folders if f"`{each}/`" in page}
    mirrored = {Path("tests") / each for each in folders}
    assert not sorted(folders - named - mirrored - {Path("tests")})


def test_every_folder_of_publish_is_a_room() -> None:
    """A folder that is not in ROOMS would belong to the room above it."""
    folders = {f"publish/{path.parent.name}" for path in REPOSITORY.glob("publish/*/__init__.py")}
    assert folders == {room for room in ROOMS if room.startswith("publish/")}


@pytest.mark.parametrize(
    ("file", "source"),
    [
        pytest.param("publish/evidence/a.py", "from publish.policy import gate", id="up"),
        pytest.param(
            "publish/evidence/deep/a.py", "from publish.tags.lock import KIND", id="a name"
        ),
        pytest.param("publish/policy/a.py", "import publish.tags.journal", id="sideways"),
        pytest.param(
            "publish/tags/a.py", "from publish.released.verify import verify_reference", id="up two"
        ),
        pytest.param("publish/released/a.py", "from publish import pipeline", id="to the top"),
        pytest.param(
            "publish/released/a.py",
            "from publish.pipeline import ReleaseRun",
            id="to the top, a name",
        ),
        pytest.param(
            "validation/executors/a.py",
            "from validation.run import validate_image",
            id="to a module",
        ),
        pytest.param("validation/judge.py", "from validation.executors import docker", id="sides"),
        pytest.param("validation/suites/a.py", "from validation import record", id="out of it"),
    ],
)
def test_a_planted_import_of_a_room_is_found(tmp_path: Path, file: str, source: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(source)
    assert len(wrong_rooms(tmp_path)) == 1


def test_imports_go_one_way() -> None:
    assert not wrong_imports(REPOSITORY)


def test_every_package_has_its_place() -> None:
    """A package that is not in RANKS would be checked by nothing."""
    found = {path.parent.name for path in REPOSITORY.glob("*/__init__.py")}
    assert found <= set(RANKS)
    assert {"runner", "oci", "images"} <= found


@pytest.mark.parametrize(
    ("file", "source"),
    [
        pytest.param("runner/a.py", "import oci", id="up"),
        pytest.param("oci/a.py", "from images.build import build", id="up, a name"),
        pytest.param("scan/a.py", "import validation.run", id="sideways"),
        pytest.param(
            "images/a.py", "def f():\n    from publish import promote", id="in a function"
        ),
        pytest.param("images/a.py", "if TYPE_CHECKING:\n    import report", id="for types"),
        pytest.param("images/a.py", "importlib.import_module('report.view')", id="by string"),
        pytest.param("publish/a.py", "__import__('release')", id="by string, the old way"),
        pytest.param("report/deep/er/a.py", "import release", id="in a folder"),
        pytest.param(
            "report/a.py", "from commands.command import print_record", id="up, to the commands"
        ),
        pytest.param("commands/a.py", "from release import main", id="the top"),
        pytest.param("images/a.py", "from tests.fakes import registry", id="tests"),
    ],
)
def test_a_planted_import_is_found(tmp_path: Path, file: str, source: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(source)
    assert len(wrong_imports(tmp_path)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "import runner",
        "from oci import registry",
        "from . import b",
        "import os",
        "import images.a",
    ],
)
def test_imports_that_go_down_are_fine(tmp_path: Path, source: str) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.py").write_text(source)
    assert not wrong_imports(tmp_path)
