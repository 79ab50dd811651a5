"""Escaping for HTML and Markdown of text that comes from containers and packages.

Such text is not trusted: it may hold control characters or markup.
"""

from __future__ import annotations

import re

from markupsafe import Markup

from runner.untrusted import clean_text

_NEEDS_ENTITIES = re.compile(r"[`|\\<>&]")
_ENTITY = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "`": "&#96;", "\\": "&#92;"}
_EMPHASIS = r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
_PUNCTUATION = rf"[&<>|`\\*\[\]~#$]|{_EMPHASIS}"
_ADDRESS = r"[A-Za-z]{0,10}://|[Ww]{3}(?=\.)"
"""The begin of an address."""
_GROWS = (
    r"[Gg][Hh]-[0-9]+"  # an issue or a pull request
    # a commit; digits alone are mostly a number, or a part of the id of an advisory
    r"|(?:sha256:)?(?=[0-9]{0,39}[A-Fa-f])[0-9A-Fa-f]{7,40}"
    rf"(?:(?![A-Za-z0-9_])|(?={_ADDRESS}))"
)
_LIVE = (
    r"@[A-Za-z0-9_-][A-Za-z0-9_/-]*"  # a person or a team, or the host of a mail address
    rf"|#[0-9]+|{_ADDRESS}"
)
"""What GitHub makes a link of, tells a person of, or shows at the other end, if it is no code.

What _GROWS finds is live only at the begin of a word, and a word begins behind code too.
"""
_SPECIAL = re.compile(
    rf"(?P<live>(?:{_LIVE}|(?<![A-Za-z0-9_])(?:{_GROWS}))(?:{_LIVE}|{_GROWS})*)|{_PUNCTUATION}"
)


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
    """Return `text` on one line, escaped for GitHub's Markdown inside and outside tables.

    A mention, a reference to an issue or a commit, and the begin of an address become code: GitHub
    leaves code as it is, and reads characters that are escaped.
    """
    return _escape_line(one_line(text))


def markdown_code(text: str) -> Markup:
    """Return `text` on one line as code, for use inside and outside tables.

    A code span knows no escapes, and a table cell interprets `|` and backslashes first. Text with
    such characters is written as character references between <code> tags.
    """
    line = one_line(text)
    if not _NEEDS_ENTITIES.search(line):
        return Markup(f"`{line}`" if line else "")
    # addresses become links inside of tags too, but not over the end of one
    escaped = f"<code>{_escape_line(line, '</code><code>{}</code><code>')}</code>"
    return Markup(escaped.replace("<code></code>", ""))


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


def _escape_line(line: str, live: str = "<code>{}</code>") -> Markup:
    """Return `line` escaped, with the form `live` for what would be live on GitHub."""

    def escape_one(found: re.Match[str]) -> str:
        if not found["live"]:
            return _ENTITY.get(found[0], f"\\{found[0]}")
        # behind `://` code ends, else the address is whole; between tags `_1_` is emphasis still
        parts = re.split("(?<=://)", found[0])
        return "".join(live.format(re.sub(_EMPHASIS, r"\\_", each)) for each in parts if each)

    return Markup(_SPECIAL.sub(escape_one, line))


def _split_spans(text: str) -> list[tuple[str, bool]]:
    """Return the parts of `text`, each with whether it is code; a single backtick is plain text.

    Empty code shows nothing, so the texts around it are one: `@` and a name make a mention.
    """
    pieces = one_line(text).split("`")
    if len(pieces) % 2 == 0:
        return [("`".join(pieces), False)]
    parts: list[tuple[str, bool]] = []
    for place, piece in enumerate(pieces):
        is_code = bool(place % 2)
        if parts and not is_code and not parts[-1][1]:  # over code without a character
            parts[-1] = (parts[-1][0] + piece, False)
        elif piece or not is_code:
            parts.append((piece, is_code))
    return parts


def markdown_fence(text: str) -> Markup:
    """Return `text` as a fenced block with a fence longer than any run of backticks inside."""
    body = clean_text(text).strip("\n")
    longest = max((len(run) for run in re.findall("`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup(f"{fence}text\n{body}\n{fence}")
