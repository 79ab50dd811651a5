from __future__ import annotations

import html

import pytest
from markdown_it import MarkdownIt

from report import escape
from runner import untrusted
from tests.report.samples import HOSTILE

TEXTS = (
    HOSTILE,
    "plain",
    "a|b",
    "a\\|b",
    "ends with \\",
    "`",
    "``two`` `one`",
    "<b>bold</b> &amp; &#124;",
    "**bold** __bold__ _it_ snake_case *",
    "[text](http://example.invalid) ![image](x)",
    "~~gone~~ # heading $x$",
    "line one\nline two\r\n| --- |",
    "</details><details open>",
)


def cells(row: str) -> list[str]:
    """What a reader of GitHub's tables sees in the cells of one row, tags gone."""
    tokens = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .parse(f"| a | b |\n| --- | --- |\n{row}\n")
    )
    inline = [token.children or [] for token in tokens if token.type == "inline"][2:]
    assert sum(token.type == "tr_open" for token in tokens) == 2
    assert all(not child.content or child.content in {"<code>", "</code>"} for cell in inline for child in cell  # noqa: E501
               if child.type == "html_inline")  # fmt: skip
    return [
        "".join(child.content for child in cell if child.type in {"text", "code_inline"})
        for cell in inline
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_a_cell_shows_the_text_itself(text: str) -> None:
    shown = escape.one_line(text)
    assert cells(f"| {escape.escape_markdown(text)} | {escape.markdown_code(text)} |") == [
        shown,
        shown,
    ]


@pytest.mark.parametrize("text", ["a|b", "<b>x</b>", "**b**"])
def test_unescaped_text_would_be_caught(text: str) -> None:
    try:
        shown = cells(f"| {text} | x |")
    except AssertionError:
        return
    assert shown != [text, "x"]


@pytest.mark.parametrize("text", ["```\nout\n```", "````", "plain"])
def test_a_fence_holds_whatever_is_inside(text: str) -> None:
    tokens = MarkdownIt("commonmark").parse(f"{escape.markdown_fence(text)}\n\nafter\n")
    assert [token.type for token in tokens][:2] == ["fence", "paragraph_open"]
    assert tokens[0].content == text + "\n"


def test_terminal_codes_control_characters_and_overrides_go() -> None:
    assert (
        untrusted.clean_text("\x1b[1;31mred\x1b[0m\x00\x08 \u202ex\tand\r\nline\x1b]0;title\x07")
        == "red x\tand\nline"
    )
    assert untrusted.clean_text("\ud800") == "?"


def test_clean_text_stays_as_it_is() -> None:
    text = "Größe 3 × 4 µs → 🙂\n\tindented <&>"  # noqa: RUF001
    assert untrusted.clean_text(text) == text


def test_clip_keeps_the_start_and_clip_start_the_end() -> None:
    assert (escape.clip_text("abcdef", 4), escape.clip_text("abcd", 4)) == ("abc…", "abcd")
    assert (escape.clip_start("abcdef", 4), escape.clip_start("abcd", 4)) == ("…def", "abcd")


def test_escaped_text_unescapes_to_itself_once() -> None:
    assert html.unescape(escape.escape_markdown("a & b < c | d")) == "a & b < c | d"


@pytest.mark.parametrize(
    ("text", "html_text", "markdown_text"),
    [
        ("run `a & b` now", "run <code>a &amp; b</code> now", "run <code>a &amp; b</code> now"),
        ("`make` it", "<code>make</code> it", "`make` it"),
        ("one ` only", "one ` only", "one &#96; only"),
        ("<b> `c`", "&lt;b&gt; <code>c</code>", "&lt;b&gt; `c`"),
    ],
)
def test_what_stands_between_backticks_is_code(
    text: str, html_text: str, markdown_text: str
) -> None:
    assert (escape.html_with_code(text), escape.markdown_with_code(text)) == (
        html_text,
        markdown_text,
    )
