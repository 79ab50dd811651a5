"""What records quote comes from containers and packages, so none of it is trusted to be plain
text.
"""

from __future__ import annotations

import re

from markupsafe import Markup

from runner.untrusted import clean

_NEEDS_ENTITIES = re.compile(r"[`|\\<>&]")
_ENTITY = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "`": "&#96;", "\\": "&#92;"}
_PUNCTUATION = re.compile(r"[&<>|`\\*\[\]~#$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def one_line(text: str) -> str:
    """`text` cleaned, every run of white space one space."""
    return " ".join(clean(text).split())


def clip(text: str, most: int) -> str:
    """`text`, or its first characters and an ellipsis, `most` in all."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def clip_start(text: str, most: int) -> str:
    """`text`, or an ellipsis and its last characters, `most` in all: what a log ends with says the
    most.
    """
    return text if len(text) <= most else "…" + text[len(text) - most + 1 :]


def markdown(text: str) -> Markup:
    """`text` on one line, as itself in GitHub's Markdown, inside a table or outside."""
    return _escaped(one_line(text))


def markdown_code(text: str) -> Markup:
    """`text` on one line as code, inside a table or outside.

    A code span has no escapes and a table cell takes `|` and its backslashes first, so what they
    would misread goes in as character references between <code> tags.
    """
    line = one_line(text)
    if not _NEEDS_ENTITIES.search(line):
        return Markup(f"`{line}`" if line else "")
    return Markup(f"<code>{markdown(line)}</code>")


def html_said(text: str) -> Markup:
    """`text` with what stands between backticks as code, as ways out are written."""
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if code else part for part, code in _spans(text)
    )


def markdown_said(text: str) -> Markup:
    """As `html_said`, on one line of Markdown."""
    return Markup("").join(
        markdown_code(part) if code else _escaped(part) for part, code in _spans(text)
    )


def _escaped(line: str) -> Markup:
    return Markup(_PUNCTUATION.sub(lambda found: _ENTITY.get(found[0], "\\" + found[0]), line))


def _spans(text: str) -> list[tuple[str, bool]]:
    """Pieces of `text` and whether each is code; a backtick without its fellow is a backtick."""
    pieces = one_line(text).split("`")
    if len(pieces) % 2 == 0:
        return [("`".join(pieces), False)]
    return [(piece, bool(place % 2)) for place, piece in enumerate(pieces)]


def markdown_fence(text: str) -> Markup:
    """`text` as a fenced block, the fence longer than any run of backticks inside."""
    body = clean(text).strip("\n")
    longest = max((len(run) for run in re.findall("`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup(f"{fence}text\n{body}\n{fence}")
