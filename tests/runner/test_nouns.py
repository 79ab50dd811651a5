"""Counts in messages are written by one function, which knows the singular."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.naming import Module, read_modules
from report.render import _TEMPLATES
from runner.home import REPOSITORY
from runner.nouns import count_noun
from tests.inside_images import runs_in_images

PLURAL = re.compile(r" (?:more |other |new |known |Python )*([a-z]{2,}s|[CG]PUs)\b")
NO_PLURAL = frozenset(
    {
        *("has", "is", "was", "does", "its", "this", "us", "as", "ms", "bytes", "less", "pass"),
        *("accepts", "belongs", "begins", "consists", "contains", "declares", "holds", "lacks"),
        *("lists", "moves", "names", "needs", "offers", "points", "reaches", "requires", "runs"),
        *("says", "sends", "stays", "takes"),
    }
)
"""Verbs and other words that end with s; `bytes` follow large numbers."""

MEASUREMENTS = "benchmarks/"
"""This code prints for one reader."""


def find_fixed_plurals(module: Module) -> Iterator[str]:
    """Yield each number in an f-string that is followed by a plural; limits are written so."""
    for node in ast.walk(module.tree):
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        if parts and ABOVE_LIMIT in ast.unparse(node):
            continue
        for number, text in itertools.pairwise(parts):
            if not isinstance(number, ast.FormattedValue) or not isinstance(text, ast.Constant):
                continue
            if number.format_spec and ast.unparse(number.format_spec)[-2] in "fg":
                continue  # 1.00 times
            shown, noun = ast.unparse(number.value), PLURAL.match(str(text.value))
            names = {each.id for each in ast.walk(number.value) if isinstance(each, ast.Name)}
            names |= {
                each.attr for each in ast.walk(number.value) if isinstance(each, ast.Attribute)
            }
            is_limit = bool(names) and all(
                re.fullmatch("_?[A-Z_]+|settings", each) for each in names
            )
            if noun and noun[1] not in NO_PLURAL and not is_limit and shown not in NAMES:
                yield f"{module.path}:{text.lineno}: {{{shown}}} {noun[1]}"


ABOVE_LIMIT = "more than the allowed"
"""Of a message about a number that is greater than a limit, so it is not 1."""

NAMES = frozenset(
    {
        *("kind", "stack", "accepted", "change.layer", "package"),
        *("' and '.join(known.kinds)", "', '.join(blind)"),
    }
)
"""Expressions that are words, not numbers."""


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 checks"), (1, "1 check"), (2, "2 checks"), (1200, "1,200 checks")]
)
def test_a_count_with_its_noun(count: int, text: str) -> None:
    assert count_noun(count, "check") == text


def test_a_noun_with_another_plural() -> None:
    assert [count_noun(n, "process", "processes") for n in (1, 2)] == ["1 process", "2 processes"]


def test_no_message_has_a_plural_after_any_number() -> None:
    modules = [each for each in read_modules() if not is_apart(each.path)]
    assert len(modules) > 200
    assert not [found for module in modules for found in find_fixed_plurals(module)]


def is_apart(path: Path) -> bool:
    name = str(path.relative_to(REPOSITORY))
    return name.startswith(MEASUREMENTS) or runs_in_images(name)


def test_no_template_has_a_plural_after_any_number() -> None:
    fixed = re.compile(r"(?:length|count|number)[^}]*\}\} (?:more |Debian )?[a-z]+s\b")
    for path in sorted(_TEMPLATES.glob("*.j2")):
        assert not fixed.findall(path.read_text()), path.name


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ('f"{len(left)} containers"', True),
        ('f"{more:,} more files"', True),
        ('f"{MAX_FILES:,} files"', False),
        ('f"{name} has"', False),
        ("f\"{count_noun(left, 'container')} are there\"", False),
    ],
)
def test_a_planted_plural_is_found(text: str, is_found: bool) -> None:
    assert bool(list(find_fixed_plurals(Module(Path("a.py"), ast.parse(text))))) is is_found
