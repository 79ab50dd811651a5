"""One term for one thing: the glossary's, in code, messages and pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.home import REPOSITORY

GLOSSARY = REPOSITORY / "docs" / "glossary.md"
ENDINGS = (".py", ".md", ".j2", ".yml", ".yaml")
APART = ("docs/decisions.md", "docs/gpu/", "tests/test_terms.py", "CHANGELOG.md")
"""Dated entries keep the words of their day, and records the words of their run."""

NOT_OURS = (".git", ".venv", "out", ".mypy_cache", ".ruff_cache", ".pytest_cache")

OTHER_WORDS = {"release before": "previous release", "by hand": "name who does it"}
"""Words that are not in the glossary, and what to write."""

AFTER = {"release before": r"(?! (?:`|the last|it is))"}
"""What may follow: `the release before v2.6.1` names another thing."""


def read_terms(text: str) -> list[str]:
    """Return the terms of the glossary: the first column, in which a comma separates two."""
    cells = re.findall(r"^\| ([^|]+?) \|", text, flags=re.MULTILINE)
    return [
        term
        for cell in cells
        for term in re.sub(r" \(.*?\)", "", cell).split(", ")
        if set(term) != {"-"} and term != "word"
    ]


def list_variants(term: str) -> Iterator[str]:
    """Yield patterns of the same words in another order: `lock of layers` for `layer lock`."""
    article = r"(?:the |a |an )?"
    if found := re.fullmatch(r"(\w+) of (?:the |a |an )?(\w+)", term):
        yield rf"{found[2]} {found[1]}s?"
    elif found := re.fullmatch(r"(\w+) (\w+)", term):
        yield rf"{found[2]}s? of {article}{found[1]}s?"


def find_variants(text: str, terms: list[str]) -> list[str]:
    """Return the other names that a text has for a term of the glossary."""
    flat = re.sub(r"[\s#]+", " ", text)
    patterns = [pattern for term in terms for pattern in list_variants(term)]
    patterns += [words + AFTER.get(words, "") for words in OTHER_WORDS]
    words = re.compile(rf"(?<![\w`_-])(?:{'|'.join(patterns)})(?![\w-])", flags=re.IGNORECASE)
    return [found[0] for found in words.finditer(flat)]


def list_files() -> list[Path]:
    roots = [each for each in REPOSITORY.iterdir() if each.name not in NOT_OURS]
    paths = [path for root in roots for path in (root.rglob("*") if root.is_dir() else [root])]
    return [
        path
        for path in sorted(paths)
        if path.suffix in ENDINGS and not str(path.relative_to(REPOSITORY)).startswith(APART)
    ]


def test_a_thing_has_one_name() -> None:
    terms = read_terms(GLOSSARY.read_text())
    assert {"layer lock", "wheel lock", "release kind", "level of proof"} <= set(terms)
    files = list_files()
    assert len(files) > 400
    found = {
        str(path.relative_to(REPOSITORY)): find_variants(path.read_text(), terms) for path in files
    }
    assert not {name: words for name, words in found.items() if words}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the lock of layers", "lock of layers"),
        ("# two locks\n# of the layer", "locks of the layer"),
        ("a proof level", "proof level"),
        ("the release before", "release before"),
        ("a layer lock and two levels of proof", ""),
        ("the release before `v2.6.1`", ""),
    ],
)
def test_a_planted_variant_is_found(text: str, found: str) -> None:
    terms = ["layer lock", "level of proof"]
    assert find_variants(text, terms) == ([found] if found else [])
