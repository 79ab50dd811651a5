"""The support of a line: its status from a day on, and why, as a maintainer wrote it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from images.field_types import Sentence
from runner import records

FIRST_DAY, LAST_DAY = datetime.date(2020, 1, 1), datetime.date(2099, 12, 31)


class SupportStatus(StrEnum):
    """A status, in the only order in which a line may have them.

    For an `active` line every release kind can be due, for a `security` line only patches. Of a
    line that `ended` nothing is promoted, and what was published stays.
    """

    ACTIVE = "active"
    SECURITY = "security"
    ENDED = "ended"


@dataclass(frozen=True)
class SupportPhase:
    """A status that a line has from the day `since` (UTC) on, and the reason in plain words."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    status: SupportStatus
    since: Annotated[datetime.date, Field(ge=FIRST_DAY, le=LAST_DAY)]
    why: Sentence

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.status} since {self.since}: {self.why}"


LineSupport = Annotated[tuple[SupportPhase, ...], Field(min_length=1)]
"""All phases of a line, the earliest first; each holds until the next one begins."""


def find_phase(support: Sequence[SupportPhase], day: datetime.date) -> SupportPhase:
    """Return the phase of a line on a day. Before its first day it is the first one."""
    return next((phase for phase in reversed(support) if phase.since <= day), support[0])


def find_last_day(support: Sequence[SupportPhase]) -> datetime.date | None:
    """Return the last day before a line has ended; None if no end was decided."""
    ends = (phase.since for phase in support if phase.status is SupportStatus.ENDED)
    return next((day - datetime.timedelta(days=1) for day in ends), None)


def describe_support(support: Sequence[SupportPhase], day: datetime.date) -> str:
    """Return the status of a line on a day, since when, why, and its last day, in one line."""
    phase, last = find_phase(support, day), find_last_day(support)
    is_ending = last is not None and phase.status is not SupportStatus.ENDED
    return f"{phase}{f' (last day: {last})' if is_ending else ''}"


def find_wrong_phase(support: Sequence[SupportPhase]) -> tuple[int, str, str] | None:
    """Return the index of the first phase that is out of order, the problem and the way out."""
    order = list(SupportStatus)
    for index, (before, after) in enumerate(pairwise(support), start=1):
        if order.index(after.status) <= order.index(before.status):
            problem = f"`{after.status}` cannot follow `{before.status}`"
            return index, problem, f"the order is {', '.join(order)}, each at most once"
        if after.since <= before.since:
            problem = f"`{after.status}` since {after.since} is not after {before.since}"
            return index, problem, "each status begins on a later day than the one before it"
    return None
