"""Measure how the code is named and worded.

`python -m benchmarks.naming` prints the figures, `--list NAME` the places.

A test allows functions of at most MAX_LINES lines, without their head and docstring.

The functions that count are those written with `def` in the packages of the harness, with methods,
without dunder methods and tests. A helper is private (`_name`), has at most six lines without its
docstring, and is used once in its module.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from runner.home import REPOSITORY

PACKAGES = ("runner", "oci", "images", "validation", "scan", "publish", "report", "commands")
HELPER_LINES = 6
MAX_LINES = 36

_NAMED_BY_OTHERS = ("__", "test_", "pytest_")
"""Python and pytest say how these are called."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file, parsed."""

    path: Path
    tree: ast.Module

    def place(self, node: ast.AST, name: str) -> str:
        """Return `FILE:LINE name`."""
        return f"{self.path.relative_to(REPOSITORY)}:{getattr(node, 'lineno', 1)} {name}"


@dataclass(frozen=True)
class Figure:
    """Something counted: `places` of `total`."""

    name: str
    places: tuple[str, ...]
    total: int = 0

    def __str__(self) -> str:
        share = f" of {self.total} ({len(self.places) / self.total:.0%})" if self.total else ""
        return f"{self.name:32} {len(self.places)}{share}"


@cache
def read_modules() -> tuple[Module, ...]:
    """Return every module of the packages, and release.py, as it was at the first call."""
    paths = [
        REPOSITORY / "release.py",
        *(path for name in PACKAGES for path in (REPOSITORY / name).rglob("*.py")),
    ]
    return tuple(
        Module(path, ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(paths)
    )


def measure(modules: tuple[Module, ...]) -> tuple[Figure, ...]:
    """Return all figures."""
    functions = [(module, node) for module in modules for node in _functions(module)]
    texts = [(module, node, text) for module in modules for node, text in _docstrings(module)]
    return (
        Figure("one-word function names", _places(functions, _is_one_word), len(functions)),
        Figure("helpers used once", _places(functions, _UsedOnce(modules))),
        Figure(
            f"functions over {MAX_LINES} lines",
            _places(functions, lambda _, function: _count_lines(function) > MAX_LINES),
        ),
        Figure("class names given twice", tuple(_repeated_classes(modules))),
        Figure(
            "docstrings with `where`",
            _matching(texts, re.compile(r"\bwhere\b", re.IGNORECASE)),
            len(texts),
        ),
        Figure(
            "docstrings that open with `What`",
            _matching(texts, re.compile(r"\AWhat\b")),
            len(texts),
        ),
    )


def _functions(module: Module) -> Iterator[Function]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith(
            _NAMED_BY_OTHERS
        ):
            yield node


def _docstrings(module: Module) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield node, text


def _places(
    functions: list[tuple[Module, Function]], counts: Callable[[Module, Function], bool]
) -> tuple[str, ...]:
    return tuple(
        module.place(node, node.name) for module, node in functions if counts(module, node)
    )


def _count_lines(function: Function) -> int:
    """Return the lines of a function without its head and docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def _is_one_word(_: Module, function: Function) -> bool:
    return "_" not in function.name.strip("_")


class _UsedOnce:
    """A test for short private helpers with one use in their module."""

    def __init__(self, modules: tuple[Module, ...]) -> None:
        self._uses = {module.path: Counter(_names_used(module)) for module in modules}

    def __call__(self, module: Module, function: Function) -> bool:
        is_helper = (
            function.name.startswith("_")
            and not function.decorator_list
            and _count_lines(function) <= HELPER_LINES
        )
        return is_helper and self._uses[module.path][function.name] == 1


def _names_used(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _repeated_classes(modules: tuple[Module, ...]) -> Iterator[str]:
    named: dict[str, list[str]] = {}
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                named.setdefault(node.name.lstrip("_"), []).append(module.place(node, node.name))
    for name, places in sorted(named.items()):
        if len(places) > 1:
            yield f"{name}: {', '.join(places)}"


def _matching(
    texts: list[tuple[Module, ast.AST, str]], pattern: re.Pattern[str]
) -> tuple[str, ...]:
    return tuple(
        module.place(node, text.splitlines()[0])
        for module, node, text in texts
        if pattern.search(text)
    )


def main() -> None:
    """Print the figures, or the places of one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--list", metavar="NAME", help="print the places of the figure whose name holds this"
    )
    wanted = parser.parse_args().list
    for figure in measure(read_modules()):
        if wanted is None:
            print(figure)
        elif wanted in figure.name:
            print("\n".join(figure.places))


if __name__ == "__main__":
    main()
