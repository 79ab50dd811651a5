"""Versions: read in one place, bounded, and never counted up to."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from images import catalog as catalogue
from images import plan as planning
from images.version import MAX_NUMBER, Version, is_line, parse_version
from runner.errors import ConfigError
from tests.fakes.refusal import refused

NUMBERS = st.integers(0, MAX_NUMBER)
LIKE_A_VERSION = st.from_regex(r"\Av?[\d.+_ -]{0,12}(-candidate)?\Z")


@given(NUMBERS, NUMBERS, NUMBERS)
def test_a_version_is_read_as_it_was_written(major: int, minor: int, patch: int) -> None:
    version = Version(f"{major}.{minor}", patch)
    assert parse_version(str(version)) == version
    assert version.sort_key == (major, minor, patch)
    assert is_line(version.line)


@given(st.text() | LIKE_A_VERSION)
@example("v2.6.99999999")
@example("v2.6.\N{ARABIC-INDIC DIGIT THREE}")
@example("v2.6.0\n")
@example("v2.6.-1")
@example("v" + "9" * 100_000 + ".6.0")
def test_what_is_read_is_written_in_one_way(text: str) -> None:
    version = parse_version(text)
    assert version is None or str(version) == text
    assert not is_line(text) or parse_version(f"v{text}.0") is not None


@given(st.text(max_size=200) | LIKE_A_VERSION)
def test_what_is_no_version_is_refused_in_one_line(text: str) -> None:
    shipped = catalogue.load_catalog()
    try:
        assert str(shipped.require_version(text)) == text
    except ConfigError as error:
        assert len(str(error).splitlines()) == 1


def test_a_large_number_takes_no_time(home: Path) -> None:
    shipped, started = catalogue.load_catalog(), time.monotonic()
    with refused(ConfigError, "is not a version"):
        shipped.require_version("v2.6.99999999")
    planning.make_plan(shipped, shipped.require_version(f"v2.6.{MAX_NUMBER}"), ("base", "cv"), home)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "name", ["v2.6.x", "v2.6.-1", "v2.6.07", "v2.6.99999", "v2.60.1", "v2.6.8-candidate"]
)
def test_a_folder_that_is_no_release_is_passed_over(home: Path, name: str) -> None:
    for each in (name, "v2.6.10", "v2.6.9"):
        (home / each).mkdir()
    assert [str(each) for each in planning.versions_with_records(home, "2.6")] == [
        "v2.6.10",
        "v2.6.9",
    ]
