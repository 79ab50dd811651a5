"""Moments and days that somebody else wrote: a record, a statement, a feed, a database.

Python's own reader takes moments that no clock can show in UTC, and days that a later sum leaves:
its errors then come from far away. Every moment is read here (a test finds other readers).
"""

from __future__ import annotations

import datetime
from typing import Annotated

from pydantic import Field

Days = Annotated[int, Field(ge=0, le=36_500)]
"""A number of days in a file that people write: a century at most."""


def parse_moment(text: object, *, zoned: bool = False) -> datetime.datetime:
    """Return an ISO 8601 time in UTC.

    A time without a zone is taken as UTC. Raises ValueError if the text is no time, is outside the
    years that can be shown in UTC, or is without a zone although it must be `zoned`.
    """
    found = datetime.datetime.fromisoformat(text if isinstance(text, str) else "")
    if zoned and found.tzinfo is None:
        raise ValueError("a time without a zone")
    try:
        return found.replace(tzinfo=found.tzinfo or datetime.UTC).astimezone(datetime.UTC)
    except OverflowError:
        raise ValueError("a time outside the years 1 to 9999") from None


def format_now() -> str:
    """Return the present moment in UTC, as ISO 8601 with whole seconds."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def add_days(day: datetime.date, days: int) -> datetime.date:
    """Return the day that is `days` later; the last one that there is if none is."""
    try:
        return day + datetime.timedelta(days=days)
    except OverflowError:
        return datetime.date.max
