"""The host knows the suites by their contract only, and the suites know no code of the host."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.home import REPOSITORY
from validation.suites.contract.layout import PACKAGE

SUITES = "validation.suites"
CONTRACT = f"{SUITES}.contract"
HOST = ("runner", "oci", "images", "validation", "scan", "publish", "report", "commands")


def modules_named(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the full name of every module, or name in one, that a file imports."""
    package = ".".join(path.relative_to(root).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            parts = [*(base if node.level else ()), *([node.module] if node.module else ())]
            yield from ((node.lineno, ".".join([*parts, alias.name])) for alias in node.names)
        elif isinstance(node, ast.Constant) and str(node.value).startswith(f"{SUITES}."):
            yield node.lineno, str(node.value)  # a module that is imported by its name


def is_below(name: str, package: str) -> bool:
    """Return whether `name` is `package` or something in it."""
    return name == package or name.startswith(f"{package}.")


def wrong_imports_of_the_host(root: Path) -> list[str]:
    """Return every import by the host of a part of the suites that is not their contract."""
    files = [path for folder in HOST for path in sorted((root / folder).rglob("*.py"))]
    return [
        f"{path.relative_to(root)}:{line}: {name}"
        for path in (*files, *root.glob("*.py"))
        if not path.is_relative_to(root / "validation" / "suites")
        for line, name in modules_named(path, root)
        if is_below(name, SUITES) and not is_below(name, CONTRACT)
    ]


def wrong_imports_of_the_suites(root: Path) -> list[str]:
    """Return every import that works here and not in an image: an absolute one, or of the host."""
    found = []
    for path in sorted((root / "validation" / "suites").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            else:
                continue
            own = [name for name in names if name.partition(".")[0] in (*HOST, PACKAGE)]
            found += [f"{path.relative_to(root)}:{node.lineno}: {name}" for name in own]
        found += [
            f"{path.relative_to(root)}:{line}: {name}"
            for line, name in modules_named(path, root)
            if is_below(name, "validation") and not is_below(name, SUITES)
        ]
    return found


def wrong_imports_of_the_contract(root: Path) -> list[str]:
    """Return every import of the contract that is neither its own nor of the standard library."""
    return [
        f"{path.relative_to(root)}:{line}: {name}"
        for path in sorted((root / "validation" / "suites" / "contract").rglob("*.py"))
        for line, name in modules_named(path, root)
        if not is_below(name, CONTRACT) and name.partition(".")[0] not in sys.stdlib_module_names
    ]


def test_the_host_imports_the_contract_only() -> None:
    assert not wrong_imports_of_the_host(REPOSITORY)


def test_the_suites_import_each_other_by_relative_names() -> None:
    assert not wrong_imports_of_the_suites(REPOSITORY)


def test_the_contract_needs_the_standard_library_only() -> None:
    assert not wrong_imports_of_the_contract(REPOSITORY)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        pytest.param("validation/a.py", "from validation.suites import gpus", id="a module"),
        pytest.param("validation/a.py", "from validation.suites.gpus import NO_GPU", id="a name"),
        pytest.param("validation/deep/a.py", "from ..suites.lease import take_gpu", id="relative"),
        pytest.param("publish/a.py", "import validation.suites.outcome", id="of another room"),
        pytest.param("report/a.py", "def f():\n    from validation.suites import lease", id="late"),
        pytest.param("scan/a.py", "import_module('validation.suites.driver')", id="by string"),
        pytest.param("release.py", "from validation.suites.gpus import runs_on", id="the top"),
    ],
)
def test_an_import_by_the_host_is_found(tmp_path: Path, file: str, source: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(source)
    assert len(wrong_imports_of_the_host(tmp_path)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from validation.suites.contract import questions",
        "from validation.suites.contract.words import EXPECTED",
        "from validation.suite import SUITES",
    ],
)
def test_an_import_of_the_contract_is_fine(tmp_path: Path, source: str) -> None:
    (tmp_path / "validation").mkdir()
    (tmp_path / "validation" / "a.py").write_text(source)
    assert not wrong_imports_of_the_host(tmp_path)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        pytest.param("ddp/a.py", "from validation.suites.outcome import require", id="absolute"),
        pytest.param("a.py", f"from {PACKAGE} import gpus", id="by the name in an image"),
        pytest.param("a.py", "import runner", id="of the host"),
        pytest.param("a.py", "from ..judge import judge", id="of the host, relative"),
    ],
)
def test_an_import_by_a_suite_is_found(tmp_path: Path, file: str, source: str) -> None:
    path = tmp_path / "validation" / "suites" / file
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert len(wrong_imports_of_the_suites(tmp_path)) == 1


@pytest.mark.parametrize("source", ["import torch", "from ..gpus import runs_on", "import pytest"])
def test_an_import_by_the_contract_is_found(tmp_path: Path, source: str) -> None:
    folder = tmp_path / "validation" / "suites" / "contract"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text(source)
    assert len(wrong_imports_of_the_contract(tmp_path)) == 1
