"""Whatever a stranger puts where a file is expected, it is read as bounded text or refused."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.untrusted import (
    MAX_DEPTH,
    Malformed,
    clean_line,
    clean_text,
    escape_unprintable,
    list_names,
    parse_json,
    read_file,
    require_small,
)

LIMIT = 1000


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").write_bytes(b"text")
    assert read_file(tmp_path, "inner/file", LIMIT) == b"text"
    assert read_file(tmp_path, "inner/file", 4) == b"text"


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path, "none", LIMIT)


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").symlink_to("/proc/self/environ")
    (tmp_path / "out" / "beside").symlink_to("../secret")
    (tmp_path / "out" / "folder").symlink_to(tmp_path)
    for name in ("file", "beside"):
        with pytest.raises(Malformed, match="symbolic link"):
            read_file(tmp_path / "out", name, LIMIT)
    with pytest.raises(Malformed, match="is not a folder"):
        read_file(tmp_path / "out", "folder/secret", LIMIT)
    with pytest.raises(Malformed, match="not a folder"):
        list_names(tmp_path / "out", "folder", LIMIT)


def test_nothing_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
    (tmp_path / "folder").mkdir()
    refused: list[str] = []

    def read_all() -> None:
        for name in ("pipe", "socket", "folder"):
            with pytest.raises(Malformed) as error:
                read_file(tmp_path, name, LIMIT)
            refused.append(str(error.value))

    reader = threading.Thread(target=read_all, daemon=True)
    reader.start()
    reader.join(10)
    assert [text.split(" is ")[1].split(",")[0] for text in refused] == [
        "a named pipe",
        "a socket",
        "a folder",
    ]


def test_a_large_file_is_refused_without_being_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(200 << 30)
    with pytest.raises(Malformed, match=r"more than the allowed 1,000"):
        read_file(tmp_path, "sparse", LIMIT)


def test_names_of_a_folder_are_bounded(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / str(number)).touch()
    assert list_names(tmp_path, ".", 5) == ["0", "1", "2", "3", "4"]
    with pytest.raises(Malformed, match="more than the allowed 4"):
        list_names(tmp_path, ".", 4)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"[" * 200_000, id="deep"),
        pytest.param(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), id="a little too deep"),
        pytest.param(b'{"a": ' * 100_000 + b"1" + b"}" * 100_000, id="deep objects"),
        pytest.param(b'{"a": 1, "a": 2}', id="twice"),
        pytest.param(b"NaN", id="not a number"),
        pytest.param(b"1e999", id="infinite"),
        pytest.param(b"1" * 5000, id="a number of 5000 digits"),
        pytest.param(rb'"\ud800"', id="half a character"),
        pytest.param(rb'{"\ud800": 1}', id="half a character in a key"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>", id="HTML"),
    ],
)
def test_what_is_no_bounded_json_is_refused(text: bytes) -> None:
    with pytest.raises(Malformed):
        parse_json(text, 1 << 20)


def test_a_long_text_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(Malformed, match="more than the allowed 10"):
        parse_json(b"[" * 11, 10)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_json_is_read_as_it_was_written(value: object) -> None:
    assert parse_json(json.dumps(value), 1 << 24) == value


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse_json(data, 1 << 20)
    except Malformed as error:
        assert str(error).isprintable()


@given(st.text())
def test_cleaned_text_can_be_shown_anywhere(text: str) -> None:
    shown = clean_text(text)
    shown.encode()
    assert not any(
        unicodedata.category(character) in ("Cc", "Cs")
        for character in shown
        if character not in "\n\t"
    )
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in shown.split("\n"))
    assert clean_text(shown) == shown
    assert "\n" not in clean_line(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07\x1b[2J\x1b[31mred", "red"),
        ("a\n::error::injected", "a\n: :error::injected"),
        ("  ::set-output name=a::b", "  : :set-output name=a::b"),
        ("x ##[error]injected", "x # #[error]injected"),
        ("a::b", "a::b"),
        ("\u202egnp.exe", "gnp.exe"),
    ],
)
def test_what_text_becomes(text: str, shown: str) -> None:
    assert clean_text(text) == shown


def test_a_line_is_cut() -> None:
    assert clean_line("a" * 1_000_000, 10) == "a" * 9 + "…"


def test_a_folder_is_measured_without_following_links(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "inner").mkdir(parents=True)
    (out / "inner" / "file").write_bytes(b"a" * 100_000)
    (out / "root").symlink_to("/")
    os.mkfifo(out / "pipe")
    with (out / "sparse").open("wb") as file:
        file.truncate(200 << 30)  # takes no space on the disk
    require_small(tmp_path, "out", 200_000, 10)
    with pytest.raises(Malformed, match=r"`out` holds more than the allowed 90,000 bytes"):
        require_small(tmp_path, "out", 90_000, 10)
    with pytest.raises(Malformed, match=r"`out` holds more than the allowed 4 files and folders"):
        require_small(tmp_path, "out", 200_000, 4)
    require_small(out, "root", 0, 0)
    require_small(out, "none", 0, 0)


def test_a_folder_that_is_nested_deep_is_refused(tmp_path: Path) -> None:
    tmp_path.joinpath("out", *["a"] * (MAX_DEPTH + 2)).mkdir(parents=True)
    with pytest.raises(Malformed, match=f"deeper than {MAX_DEPTH} levels"):
        require_small(tmp_path, "out", 1 << 30, 1000)


@given(st.text(), st.text())
def test_printable_text_keeps_differences(one: str, other: str) -> None:
    assert escape_unprintable(one).isprintable()
    plain = other.isascii() and other.isprintable() and "\\" not in other
    if plain and len(other) <= 300:
        assert (escape_unprintable(one) == escape_unprintable(other)) == (one == other)


def test_an_invisible_character_is_shown() -> None:
    assert escape_unprintable("/usr/bin/su\u200b\n") == r"/usr/bin/su\u200b\n"
    assert escape_unprintable("a" * 1_000_000, 10) == "a" * 9 + "…"


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 100_000,
        "\n \n" * 50_000,
        "\x1b[" * 100_000,
        "\x1b]0" * 50_000,
        "\x1b[" + "0" * 100_000,
    ],
)
def test_cleaning_takes_time_in_proportion_to_the_text(text: str) -> None:
    started = time.monotonic()
    clean_text(text)
    assert time.monotonic() - started < 2


def test_the_cost_of_a_key_given_twice_grows_with_the_length_alone() -> None:
    """The last of many keys is the one that comes twice: each was looked for in all, once."""
    keys = [f'"{number}": 0' for number in range(200_000)]
    text = f"{{{', '.join([*keys, keys[-1]])}}}"
    started = time.monotonic()
    with pytest.raises(Malformed, match="the key '199999' is given twice"):
        parse_json(text, len(text))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("text", ["\ud7fc", "\ue000", "\U000f0000", "\u0378"])
def test_characters_that_no_font_has_are_not_shown(text: str) -> None:
    """Unassigned ones, and those of private use: what they look like is not known."""
    assert clean_text(f"a{text}b\n\tc") == "ab\n\tc"


def test_json_with_too_many_values() -> None:
    assert parse_json('[1, {"a": 2}]', LIMIT, max_values=5) == [1, {"a": 2}]
    with pytest.raises(Malformed, match="more than the allowed 4"):
        parse_json('[1, {"a": 2}]', LIMIT, max_values=4)
