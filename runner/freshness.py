"""The time for which earlier results about a digest are used again."""

from __future__ import annotations

import datetime

from runner.moments import parse_moment

STANDS_DAYS = 7
"""A release that is run again continues where it stopped, also after a weekend and a late approval.
Results that are used again keep their own date. On the last of these days they must still be young
enough for the channels, which take evidence of four times that age (publish/policy/channels.yaml; a
test checks the distance).
"""


def is_fresh(found_at: str) -> bool:
    """Return whether a moment is within the last STANDS_DAYS days, by its date in UTC.

    `found_at` is in ISO 8601 with its zone. A moment that cannot be read or is in the future is
    not.
    """
    try:
        found = parse_moment(found_at, zoned=True).date()
    except ValueError:
        return False
    days = (datetime.datetime.now(datetime.UTC).date() - found).days
    return 0 <= days < STANDS_DAYS
