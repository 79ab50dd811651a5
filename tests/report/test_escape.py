from __future__ import annotations

import html
import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
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
    "@name @org/team: see #123, owner/repo#4, GH-5, owner@0123abc and abcdef1234567890",
    "https://example.invalid/a?b&c www.example.invalid me@example.invalid ftp://h.example",
    "#12GH-5 GH-5GH-5 #12abcdef1 abcdef1http://h.example 0123abcwww.h.example a://GH-5",
    "@``name http``://h.example www``.h.example abc``def1 #``1 ````@``name` `a``b`",
    "`@name` a|@name `https://h.example/`@name#1 \\@name <@name> @@name @",
    "<!-- @name --> <img src=https://h.example/x> ![x](https://h.example/x) <https://h.example>",
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
    assert all(not child.content or child.content in {"<code>", "</code>"} for cell in inline for child in cell  # noqa: E501 - one condition
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
    text = "Größe 3 × 4 µs → 🙂\n\tindented <&>"
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


LIVE = re.compile(
    r"@[A-Za-z0-9_-]|#[0-9]|\bgh-[0-9]|\bwww\.|://|\b(?=[0-9]*[a-f])[0-9a-f]{7,40}\b",
    re.IGNORECASE,
)
"""What GitHub looks for outside of code: it makes a link of it, or tells a person."""


def live_texts(markdown: str) -> list[str]:
    """What is live in the text outside of code, as GitHub's filters see it after rendering."""
    found, depth = [], 0
    for token in MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(markdown):
        for child in token.children or []:
            depth += {"<code>": 1, "</code>": -1}.get(child.content, 0)
            is_markup = child.type in {"link_open", "image"} or (
                child.type == "html_inline" and child.content not in {"<code>", "</code>"}
            )
            if is_markup:
                found.append(child.type)
            elif child.type == "text" and not depth:
                found += LIVE.findall(child.content)
    return found


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_in_a_text_is_live_on_github(text: str) -> None:
    for escaped in (
        escape.escape_markdown(text),
        escape.markdown_code(text),
        escape.markdown_with_code(text),
    ):
        assert live_texts(f"said: {escaped}\n\n| a |\n| --- |\n| {escaped} |\n") == []
        # in code, where filters do not look, an address would still become a link
        assert not re.search(r"(?<!`)<code>[^<]*(?:\w+://|www\.)\w", escaped)


def test_live_text_would_be_caught() -> None:
    kinds = ("@name", "a#1", "GH-1", "https://h", "www.h", "at 0123abc", "![x](y)", "a <b>")
    assert [each for each in kinds if not live_texts(each)] == []


@given(st.text(st.sampled_from("@#a1b2fgh-/:.w|`<>&\\ _*[]!"), max_size=40))
@example("@_1_")  # a name in code is between tags, in which Markdown goes on
@example("@a/_b_ _@_1_")
def test_no_text_is_live_or_changed(text: str) -> None:
    escaped = escape.escape_markdown(text), escape.markdown_code(text)
    for each in (*escaped, escape.markdown_with_code(text)):
        assert live_texts(f"said: {each}") == []
    shown = escape.one_line(text)
    if shown:
        assert cells(f"| {escaped[0]} | {escaped[1]} |") == [shown, shown]


def test_the_time_of_an_escape_is_in_proportion_to_the_text() -> None:
    for text in ("a" * 100_000, "@" * 100_000, "1" * 100_000 + "g", "w" * 100_000, "a:/" * 30_000):
        began = time.process_time()
        escape.escape_markdown(text)
        assert time.process_time() - began < 1
