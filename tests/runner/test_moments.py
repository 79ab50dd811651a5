"""Moments of others: read in one place, which refuses what no clock can show in UTC."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest

from publish.evidence.predicates import add_seconds
from publish.policy import channels
from report import units
from runner import freshness
from runner.errors import ConfigError
from runner.home import REPOSITORY
from runner.moments import add_days, parse_moment
from scan.policy import POLICY, load_policy
from tests.fakes.refusal import refused
from tests.test_structure import RANKS

NO_MOMENTS = [
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "yesterday",
    "",
    None,
    7,
    "2026-11-27T25:00:00Z",
]


@pytest.mark.parametrize("text", NO_MOMENTS)
def test_what_is_no_moment(text: object) -> None:
    with pytest.raises(ValueError):
        parse_moment(text)


def test_a_moment_is_in_utc() -> None:
    found = datetime.datetime(2026, 11, 27, 10, 0, tzinfo=datetime.UTC)
    assert parse_moment("2026-11-27T12:00:00+02:00") == found
    assert parse_moment("2026-11-27T10:00:00") == found
    with pytest.raises(ValueError, match="without a zone"):
        parse_moment("2026-11-27T10:00:00", zoned=True)


@pytest.mark.parametrize("text", [each for each in NO_MOMENTS if isinstance(each, str)])
def test_readers_of_records_take_any_text(text: str) -> None:
    assert units.format_time(text) == text
    assert units.days_between(text, "2026-11-27T10:00:00Z") is None
    assert not freshness.is_fresh(text)
    if text:
        with refused(ConfigError, "delete the record"):
            add_seconds(text, 1)


def test_a_duration_that_no_day_holds() -> None:
    with refused(ConfigError, "2026-11-27"):
        add_seconds("2026-11-27T10:00:00+00:00", -1e99)


def test_days_end_with_the_last_day() -> None:
    assert add_days(datetime.date(9999, 12, 1), 36_500) == datetime.date.max
    assert add_days(datetime.date(2026, 11, 27), 4) == datetime.date(2026, 12, 1)


def test_nobody_else_reads_moments() -> None:
    """A control: the one reader does."""
    found = [
        path.relative_to(REPOSITORY).as_posix()
        for folder in RANKS
        for path in (REPOSITORY / folder).rglob("*.py")
        if "datetime.fromisoformat" in path.read_text(encoding="utf-8")
    ]
    assert found == ["runner/moments.py"]


@pytest.mark.parametrize("days", [-1, 36_501, 99_999_999_999])
@pytest.mark.parametrize("key", ["announce_days", "exception_days", "database_days"])
def test_a_number_of_days_is_a_century_at_most(tmp_path: Path, key: str, days: int) -> None:
    load, shipped = {
        "announce_days": (channels.load, channels.CHANNELS),
        "exception_days": (load_policy, POLICY),
        "database_days": (load_policy, POLICY),
    }[key]
    path = tmp_path / "policy.yaml"
    text = re.sub(rf"^{key}: \d+", f"{key}: {days}", shipped.read_text(), flags=re.MULTILINE)
    path.write_text(text)
    with refused(ConfigError, str(path), key):
        load(path)
