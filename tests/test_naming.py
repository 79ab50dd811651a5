"""How the code is named and worded: the figures that must not grow, and that they can."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.naming import Figure, Module, measure, read_modules
from runner.home import REPOSITORY

ONE_WORD, USED_ONCE, WHERE = (
    "one-word function names",
    "helpers used once",
    "docstrings with `where`",
)
CLASSES, WHAT = "class names given twice", "docstrings that open with `What`"
LONG = "functions over 36 lines"


@pytest.fixture(scope="module")
def figures() -> dict[str, Figure]:
    return {each.name: each for each in measure(read_modules())}


def test_few_functions_have_one_word(figures: dict[str, Figure]) -> None:
    found = figures[ONE_WORD]
    assert len(found.places) < 0.35 * found.total


def test_few_helpers_are_used_once(figures: dict[str, Figure]) -> None:
    found = figures[USED_ONCE]
    assert len(found.places) < 60, "\n".join(found.places)


@pytest.mark.parametrize("name", [CLASSES, WHAT, LONG])
def test_none_is_there(figures: dict[str, Figure], name: str) -> None:
    assert not figures[name].places, "\n".join(figures[name].places)


def test_where_is_a_place_and_seldom_a_condition(figures: dict[str, Figure]) -> None:
    assert len(figures[WHERE].places) < 40, "\n".join(figures[WHERE].places)


PLANTED = {
    ONE_WORD: "def pages():\n    return 1\n",
    USED_ONCE: "def _read_page():\n    return 1\ndef read_pages():\n    return _read_page()\n",
    CLASSES: "class Page: ...\nclass Book:\n    class Page: ...\n",
    LONG: "def read_pages():\n" + 37 * "    print()\n",
    WHAT: 'def read_pages():\n    """What is read."""\n',
    WHERE: 'def read_pages():\n    """Return the pages, none where there are none."""\n',
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_one_is_counted(name: str) -> None:
    module = Module(REPOSITORY / Path("runner/pages.py"), ast.parse(PLANTED[name]))
    assert [each.name for each in measure((module,)) if each.places] == [name]


SUPERLATIVE = re.compile(
    r"^_?(?:MOST|LARGEST|LONGEST|DEEPEST|HIGHEST|LEAST|SHORTEST|SMALLEST|LOWEST)(?:_|$)"
)


def constants(module: Module) -> Iterator[str]:
    for node in module.tree.body:
        for each in ast.walk(node) if isinstance(node, ast.Assign | ast.AnnAssign) else ():
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                yield each.id


def test_limits_are_called_max_and_min() -> None:
    assert not [
        f"{module.path}: {name}"
        for module in read_modules()
        for name in constants(module)
        if SUPERLATIVE.match(name)
    ]


def test_a_planted_limit_of_another_style_is_found() -> None:
    planted = Module(Path("a.py"), ast.parse("MOST_PAGES, MAX_PAGES = 1, 2\n_LONGEST: int = 3\n"))
    assert [name for name in constants(planted) if SUPERLATIVE.match(name)] == [
        "MOST_PAGES",
        "_LONGEST",
    ]


VERBS_AS_NOUNS = frozenset({"asked", "heard", "meant", "said", "told"})
"""Names that say what somebody did, and not what the value is: `reason`, `texts`, `request`."""


def find_verbs(module: Module) -> Iterator[str]:
    """Yield each variable, argument and field with such a name."""
    for node in ast.walk(module.tree):
        name = getattr(node, "arg", "") if isinstance(node, ast.arg) else ""
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            name = node.id
        if name and name.strip("_") in VERBS_AS_NOUNS:
            yield f"{module.path}: {name}"


def test_a_name_says_what_the_value_is() -> None:
    assert not [found for module in read_modules() for found in find_verbs(module)]


def test_planted_verbs_are_found() -> None:
    code = "def f(asked):\n    told = [said for said in asked]\nclass A:\n    meant: int\n"
    found = list(find_verbs(Module(Path("a.py"), ast.parse(code))))
    assert sorted(found) == ["a.py: asked", "a.py: meant", "a.py: said", "a.py: told"]


PAST = re.compile(r"_*(?:[a-z]+ed|wanted|given|held|kept|made|found|seen|taken|told|known|written)")
"""Functions that say what was done, not what to do. Properties and fixtures are values."""


def find_past(module: Module) -> Iterator[str]:
    """Yield each function of one word that is a verb in the past."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef) and PAST.fullmatch(node.name):
            marks = " ".join(map(ast.unparse, node.decorator_list))
            if "property" not in marks and "fixture" not in marks:
                yield f"{module.path}: {node.name}"


def test_a_function_is_no_verb_in_the_past() -> None:
    assert not [found for module in read_modules() for found in find_past(module)]


def test_a_planted_past_is_found() -> None:
    code = (
        "def wanted(): ...\ndef _timed(): ...\ndef read_pages(): ...\n@property\ndef ended(): ...\n"
    )
    found = list(find_past(Module(Path("a.py"), ast.parse(code))))
    assert found == ["a.py: wanted", "a.py: _timed"]
