"""Escaping for HTML and Markdown of text that comes from containers and packages.

Such text is not trusted: it may hold control characters or markup.
"""

from __future__ import annotations

import re

from markupsafe import Markup

from runner.untrusted import clean_text

_NEEDS_ENTITIES = re.compile(r"[`|\\<>&]")
_ENTITY = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "`": "&#96;", "\\": "&#92;"}
_PUNCTUATION = re.compile(r"[&<>|`\\*\[\]~#$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def one_line(text: str) -> str:
    """Return `text` without control characters and with every run of white space as one space."""
    return " ".join(clean_text(text).split())


def clip_text(text: str, max_characters: int) -> str:
    """Return `text`, or its first characters and an ellipsis: at most `max_characters` in all."""
    return text if len(text) <= max_characters else text[: max_characters - 1].rstrip() + "…"


def clip_start(text: str, max_characters: int) -> str:
    """Return `text`, or an ellipsis and its last characters: at most `max_characters` in all.

    This is for logs, whose end matters most.
    """
    return text if len(text) <= max_characters else "…" + text[len(text) - max_characters + 1 :]


def escape_markdown(text: str) -> Markup:
    """Return `text` on one line, escaped for GitHub's Markdown inside and outside tables."""
    return _escape_line(one_line(text))


def markdown_code(text: str) -> Markup:
    """Return `text` on one line as code, for use inside and outside tables.

    A code span knows no escapes, and a table cell interprets `|` and backslashes first. Text with
    such characters is written as character references between <code> tags.
    """
    line = one_line(text)
    if not _NEEDS_ENTITIES.search(line):
        return Markup(f"`{line}`" if line else "")
    return Markup(f"<code>{escape_markdown(line)}</code>")


def html_with_code(text: str) -> Markup:
    """Return `text` as HTML, with the parts between backticks as code."""
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if code else part
        for part, code in _split_spans(text)
    )


def markdown_with_code(text: str) -> Markup:
    """Return `text` on one line of Markdown, with the parts between backticks as code."""
    return Markup("").join(
        markdown_code(part) if code else _escape_line(part) for part, code in _split_spans(text)
    )


def _escape_line(line: str) -> Markup:
    return Markup(_PUNCTUATION.sub(lambda found: _ENTITY.get(found[0], "\\" + found[0]), line))


def _split_spans(text: str) -> list[tuple[str, bool]]:
    """Return the parts of `text`, each with whether it is code; a single backtick is plain text."""
    pieces = one_line(text).split("`")
    if len(pieces) % 2 == 0:
        return [("`".join(pieces), False)]
    return [(piece, bool(place % 2)) for place, piece in enumerate(pieces)]


def markdown_fence(text: str) -> Markup:
    """Return `text` as a fenced block with a fence longer than any run of backticks inside."""
    body = clean_text(text).strip("\n")
    longest = max((len(run) for run in re.findall("`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup(f"{fence}text\n{body}\n{fence}")
