"""For how long what was found of a digest is used again, before it is looked for anew."""

from __future__ import annotations

import datetime

STANDS_DAYS = 7
"""A release that is run again goes on where it stopped, also after a weekend and the person who
approves. What is used again, and signed, keeps its own date: on the last of these days it must
still be young for the channels that releases go through, which take evidence of four times that age
(publish/policy/channels.yaml; a test holds the distance).
"""


def stands(found_at: str) -> bool:
    """Whether a moment (ISO 8601, with its zone) is of the last STANDS_DAYS days, by its date in
    UTC.

    What cannot be read, and what is to come, does not stand.
    """
    try:
        moment = datetime.datetime.fromisoformat(found_at)
        found = moment.astimezone(datetime.UTC).date()
    except (ValueError, OverflowError):
        return False
    days = (datetime.datetime.now(datetime.UTC).date() - found).days
    return moment.tzinfo is not None and 0 <= days < STANDS_DAYS
