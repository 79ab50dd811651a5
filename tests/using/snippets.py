"""The snippets of docs/using.md: fenced blocks, each with a language and the name of its check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt

from runner import records
from runner.home import REPOSITORY

PAGE = REPOSITORY / "docs" / "using.md"
EXAMPLES = REPOSITORY / "docs" / "examples"
IMAGE = "registry.example.org/pytorch-cuda:v2.6.0"
"""The image that the page names; the tests that run commands write the real one for it."""


@dataclass(frozen=True)
class Snippet:
    """A fenced block: `check` is the second word of its first line, empty if it has none."""

    language: str
    check: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.check or 'none'}-{self.line}"


def read_snippets(text: str) -> Iterator[Snippet]:
    """Yield each fenced or indented block of code of a page."""
    for token in MarkdownIt().parse(text):
        if token.type in ("fence", "code_block"):
            language, _, check = token.info.strip().partition(" ")
            yield Snippet(language, check, token.content, token.map[0] + 1 if token.map else 0)


def snippets_of(check: str) -> list[Snippet]:
    """Return the snippets of the page that have this check."""
    return [each for each in read_snippets(records.read_text(PAGE)) if each.check == check]
