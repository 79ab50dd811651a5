"""A fixture is defined once: those of several files are in the `conftest.py` of their folder."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

from runner.home import REPOSITORY

TESTS = REPOSITORY / "tests"


def find_copies(modules: Mapping[str, ast.Module]) -> list[str]:
    """Return the fixtures of one name and one body that are in several files.

    A body that reads a constant of its module is not the same as that of another module.
    """
    places: dict[tuple[str, str], list[str]] = {}
    for file, tree in modules.items():
        constants = find_constants(tree.body)
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef) or not is_fixture(node):
                continue
            text = ast.get_docstring(node) is not None
            body = node.body[1:] if text else node.body
            used = {
                each.id for part in body for each in ast.walk(part) if isinstance(each, ast.Name)
            }
            own = file if used & constants else ""
            code = "\n".join([own, ast.unparse(node.args), *map(ast.unparse, body)])
            places.setdefault((node.name, code), []).append(file)
    return [f"{name}: {', '.join(found)}" for (name, _), found in places.items() if len(found) > 1]


def find_constants(body: Iterable[ast.stmt]) -> set[str]:
    return {
        each.id
        for node in body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }


def is_fixture(node: ast.FunctionDef) -> bool:
    return any("pytest.fixture" in ast.unparse(each) for each in node.decorator_list)


def read_tests() -> dict[str, ast.Module]:
    return {
        str(path.relative_to(REPOSITORY)): ast.parse(path.read_text())
        for path in sorted(TESTS.rglob("*.py"))
    }


def test_no_fixture_is_copied() -> None:
    modules = read_tests()
    assert len(modules) > 200
    assert not find_copies(modules)


def test_a_planted_copy_is_found() -> None:
    text = "@pytest.fixture\ndef fake():\n    {}return 1\n"
    first, second = ast.parse(text.format('"""A fake."""\n    ')), ast.parse(text.format(""))
    assert find_copies({"a.py": first, "b.py": second}) == ["fake: a.py, b.py"]
    own = [ast.parse(f"ONE = {n}\n" + text.format("ONE\n    ")) for n in (1, 2)]
    assert not find_copies({"a.py": own[0], "b.py": own[1]})
