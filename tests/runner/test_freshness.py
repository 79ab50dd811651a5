"""How long what was found stands."""

from __future__ import annotations

import datetime

import pytest

from publish.policy import channels
from runner.freshness import STANDS_DAYS, is_fresh


def ago(days: int) -> str:
    return (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)).isoformat(
        timespec="seconds"
    )


@pytest.mark.parametrize("days", [0, 1, STANDS_DAYS - 1])
def test_what_was_found_these_days_stands(days: int) -> None:
    assert is_fresh(ago(days))


@pytest.mark.parametrize("days", [STANDS_DAYS, STANDS_DAYS + 1, 31, -1, -400])
def test_what_was_found_before_them_or_is_to_come_does_not(days: int) -> None:
    assert not is_fresh(ago(days))


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "0001-01-01T00:00:00+14:00", ago(0).partition("+")[0], ago(0)[:10]],
    ids=["empty", "a word", "the first year", "no zone", "a day"],
)
def test_what_is_no_moment_does_not_stand(text: str) -> None:
    assert not is_fresh(text)


def test_what_is_used_again_on_its_last_day_is_far_from_too_old_for_a_release() -> None:
    """Else running the stages again would sign again what the channel refuses."""
    known = channels.load()
    for channel in known.channels.values():
        allowed = known.demands[channel.demands].evidence
        assert min(allowed["tests"], allowed["sbom"]) >= 4 * STANDS_DAYS
