"""The releases that are due today, and why.

Pure: the date, the releases that are out and the judgements of them are arguments.

Two things make a release due: the calendar of a channel, and an image of a line's newest release
that today's policy refuses (an advisory past its grace). Once the support of a line has ended,
nothing of it is due any more; that end is announced before.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from images.catalog import Line, Version
from publish.policy.channels import Calendar, Channel, Channels
from publish.policy.reason import Reason
from runner.verdict import Verdict
from scan.history import RescanVerdict

FRIDAY = 4

Action = Literal["release", "announce"]


@dataclass(frozen=True)
class PublishedRelease:
    """A release that went through `channel` on `day` (UTC).

    `withdrawn`: it was yanked or rolled back since.
    """

    version: Version
    channel: str
    day: datetime.date
    withdrawn: bool = False


@dataclass(frozen=True)
class DueRelease:
    """One thing to do.

    `version` is the number to release as, `newest` the line's newest release that was not
    withdrawn. `since` (ISO 8601) is the day it became due, the same every day until it is done.
    Announcements have no `version`, `channel` and `kind`. `reasons` are for people.
    """

    action: Action
    line: str
    newest: str
    version: str
    channel: str
    kind: str
    since: str
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        """One line, for people."""
        release = f"{self.version}: {self.kind} release through the channel {self.channel}"
        what = release if self.version else f"line {self.line}"
        return f"{what}, due since {self.since}: {'; '.join(self.reasons)}"


_DatedReason = tuple[datetime.date, Reason]
"""The day from which a reason holds, and the reason."""


def find_due(
    today: datetime.date,
    channels: Channels,
    lines: Mapping[str, Line],
    out: Sequence[PublishedRelease],
    judgements: Sequence[RescanVerdict] = (),
) -> tuple[DueRelease, ...]:
    """Return what should be done today, by line.

    Of a line's releases those for security come first; each has the number after the one before.
    `out` is every release that was ever made. `judgements` are those of the history, which keeps
    the day of each that was new, or those of one rescan. The first release of a line is made by
    hand: of a line without releases nothing is due.
    """
    known, found = channels.channels, list[DueRelease]()
    for name, line in lines.items():
        # a candidate takes no number; what went through a channel that is gone now did
        released = [
            each
            for each in out
            if each.version.line == name
            and (each.channel not in known or known[each.channel].is_releasing)
        ]
        if released and today <= line.supported_until:
            found += _due_in_line(today, channels, line, released, judgements)
    return tuple(found)


def latest_scheduled_day(calendar: Calendar, today: datetime.date) -> datetime.date:
    """Return the latest day of a calendar that is not after `today`.

    A day on a weekend is moved to the Monday after it.
    """
    days = [
        datetime.date(year, month, calendar.day)
        for year in (today.year - 1, today.year)
        for month in calendar.months
    ]
    workdays = (
        day + datetime.timedelta(days=7 - day.weekday() if day.weekday() > FRIDAY else 0)
        for day in days
    )
    return max(day for day in workdays if day <= today)


def _due_in_line(
    today: datetime.date,
    channels: Channels,
    line: Line,
    released: Sequence[PublishedRelease],
    judgements: Sequence[RescanVerdict],
) -> Iterator[DueRelease]:
    """Yield what is due in a line. A withdrawn release keeps its number, and counts for no more."""
    kept = [each for each in released if not each.withdrawn]
    newest, highest = _newest_version(kept or released), _newest_version(released)
    refusals = _find_refusals(newest, judgements)
    due_channels = _find_due_channels(today, channels, kept, refusals)
    for number, (name, reasons) in enumerate(due_channels, start=1):
        yield DueRelease(
            action="release",
            line=newest.line,
            newest=str(newest),
            version=str(replace(highest, patch=highest.patch + number)),
            channel=name,
            kind=channels.channels[name].kinds[0],
            since=min(since for since, _ in reasons).isoformat(),
            reasons=tuple(str(reason) for _, reason in reasons),
        )
    yield from _announce_end(today, channels.announce_days, newest, line)


def _newest_version(released: Sequence[PublishedRelease]) -> Version:
    return max((each.version for each in released), key=lambda version: version.patch)


def _find_due_channels(
    today: datetime.date,
    channels: Channels,
    released: Sequence[PublishedRelease],
    refusals: Sequence[_DatedReason],
) -> Iterator[tuple[str, list[_DatedReason]]]:
    """Yield the channels that are due, with reasons; those for advisories first."""
    for name, channel in sorted(channels.channels.items(), key=lambda item: not item[1].advisories):
        reasons = [
            *(refusals if channel.advisories else ()),
            *_check_calendar(today, channels, channel, released),
        ]
        if reasons:
            yield name, reasons


def _check_calendar(
    today: datetime.date, channels: Channels, channel: Channel, released: Sequence[PublishedRelease]
) -> Iterator[_DatedReason]:
    """Yield why the calendar of a channel demands a release.

    One is due from its day until one is out that moved all aliases of the channel on that day or
    later.
    """
    if channel.calendar is None:
        return
    day = latest_scheduled_day(channel.calendar, today)
    for each in released:
        other = channels.channels.get(each.channel)
        if each.day >= day and other and set(channel.aliases) <= set(other.aliases):
            return
    late = f", {_count_days((today - day).days)} ago" if day < today else ""
    yield day, Reason("", "", Verdict.NOT_RUN, f"the calendar has a release on {day}{late}")


def _find_refusals(newest: Version, judgements: Sequence[RescanVerdict]) -> list[_DatedReason]:
    """Return why today's policy refuses images of the newest release.

    A judgement of an older release says nothing about it.
    """
    in_order = sorted(judgements, key=lambda each: each.date)
    latest = {each.image: each for each in in_order if each.version == str(newest)}
    return [
        (
            datetime.date.fromisoformat(each.date),
            Reason(
                each.image,
                "",
                each.verdict,
                f"refused by the scan since {each.date}: {each.reason}",
            ),
        )
        for each in latest.values()
        if each.verdict is Verdict.FAIL
    ]


def _announce_end(
    today: datetime.date, days: int, newest: Version, line: Line
) -> Iterator[DueRelease]:
    """Yield the announcement that the support of a line ends, from `days` before that on."""
    since = line.supported_until - datetime.timedelta(days=days)
    if today < since:
        return
    left = (line.supported_until - today).days
    when = f"in {_count_days(left)}" if left else "today"
    text = f"announce that its support ends on {line.supported_until}, {when}"
    yield DueRelease("announce", newest.line, str(newest), "", "", "", since.isoformat(), (text,))


def _count_days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"
