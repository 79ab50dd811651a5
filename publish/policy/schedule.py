"""What should be released today, and why.

Pure: the date, what is out and what was judged are arguments.

Three things make a release due: the calendar of a channel, an image of a line's newest release that
today's policy refuses (an advisory past its grace), and neither once the support of the line has
ended, which is announced before.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from images.catalog import Line, Version
from publish.policy.channels import Calendar, Channel, Channels
from runner.verdict import Verdict
from scan.history import Judgement

FRIDAY = 4

Action = Literal["release", "announce"]


@dataclass(frozen=True)
class Out:
    """A release that was put through `channel` on `day` (UTC).

    `withdrawn`: it was yanked or rolled back since.
    """

    version: Version
    channel: str
    day: datetime.date
    withdrawn: bool = False


@dataclass(frozen=True)
class Due:
    """One thing to do.

    `version` is the number to release as, `newest` the line's newest release that stands.

    `since` (ISO 8601) is the day it became due, the same every day until it is done. Announcements
    have no `version`, `channel` and `kind`.
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
        what = (
            f"{self.version}: {self.kind} release through {self.channel}"
            if self.version
            else f"line {self.line}"
        )
        return f"{what}, since {self.since}: {'; '.join(self.reasons)}"


@dataclass(frozen=True)
class _Reason:
    since: datetime.date
    text: str


def due(
    today: datetime.date,
    channels: Channels,
    lines: Mapping[str, Line],
    out: Sequence[Out],
    judgements: Sequence[Judgement] = (),
) -> tuple[Due, ...]:
    """What should be done today, by line; of a line's releases security first, each with the number
    after.

    `out` is everything that was ever put; `judgements` are the history's, which keeps the day of
    each that was news, or those of one rescan. A line of which nothing is out is begun by hand, and
    nothing of it is due.
    """
    every = (
        (line, _released(channels, out, name))
        for name, line in lines.items()
        if today <= line.supported_until
    )
    return tuple(
        found
        for line, released in every
        if released
        for found in _line(today, channels, line, released, judgements)
    )


def scheduled(calendar: Calendar, today: datetime.date) -> datetime.date:
    """The latest day of a calendar that is not after `today`."""
    days = (
        _workday(datetime.date(year, month, calendar.day))
        for year in (today.year - 1, today.year)
        for month in calendar.months
    )
    return max(day for day in days if day <= today)


def _line(
    today: datetime.date,
    channels: Channels,
    line: Line,
    released: Sequence[Out],
    judgements: Sequence[Judgement],
) -> Iterator[Due]:
    """What was withdrawn takes its number with it, and counts for nothing else."""
    standing = [each for each in released if not each.withdrawn]
    newest, highest = _newest(standing or released), _newest(released)
    found = _channels(today, channels, standing, _refused(newest, judgements))
    for after, (channel, reasons) in enumerate(found, start=1):
        version = replace(highest, patch=highest.patch + after)
        yield _release(version, newest, channel, channels.channels[channel], reasons)
    yield from _announcement(today, channels.announce_days, newest, line)


def _newest(released: Sequence[Out]) -> Version:
    return max((each.version for each in released), key=lambda version: version.patch)


def _channels(
    today: datetime.date, channels: Channels, released: Sequence[Out], refused: Sequence[_Reason]
) -> Iterator[tuple[str, list[_Reason]]]:
    """The channels that are due, with reasons; those that carry advisories first."""
    for name, channel in sorted(channels.channels.items(), key=lambda item: not item[1].advisories):
        reasons = [
            *(refused if channel.advisories else ()),
            *_by_calendar(today, channels, channel, released),
        ]
        if reasons:
            yield name, reasons


def _by_calendar(
    today: datetime.date, channels: Channels, channel: Channel, released: Sequence[Out]
) -> Iterator[_Reason]:
    """Due from its day on until something is out that moved all of its aliases on that day or
    later.
    """
    if channel.calendar is None:
        return
    day = scheduled(channel.calendar, today)
    if any(each.day >= day and _does_the_work(channels, each, channel) for each in released):
        return
    late = f", {_days((today - day).days)} ago" if day < today else ""
    yield _Reason(day, f"the calendar says {day}{late}")


def _does_the_work(channels: Channels, out: Out, channel: Channel) -> bool:
    other = channels.channels.get(out.channel)
    return other is not None and set(channel.aliases) <= set(other.aliases)


def _refused(newest: Version, judgements: Sequence[Judgement]) -> list[_Reason]:
    """What today's policy refuses of the newest release; a judgement of an older one says nothing
    about it.
    """
    in_order = sorted(judgements, key=lambda each: each.date)
    latest = {each.image: each for each in in_order if each.version == str(newest)}
    return [
        _Reason(
            datetime.date.fromisoformat(each.date),
            f"{each.image} is refused since {each.date}: {each.reason}",
        )
        for each in latest.values()
        if each.verdict is Verdict.FAIL
    ]


def _release(
    version: Version, newest: Version, name: str, channel: Channel, reasons: Sequence[_Reason]
) -> Due:
    return Due(
        action="release",
        line=version.line,
        newest=str(newest),
        version=str(version),
        channel=name,
        kind=channel.kinds[0],
        since=min(reason.since for reason in reasons).isoformat(),
        reasons=tuple(reason.text for reason in reasons),
    )


def _announcement(today: datetime.date, days: int, newest: Version, line: Line) -> Iterator[Due]:
    since = line.supported_until - datetime.timedelta(days=days)
    if today < since:
        return
    left = (line.supported_until - today).days
    text = (
        f"its support ends on {line.supported_until}, "
        f"{f'in {_days(left)}' if left else 'today'}: announce it"
    )
    yield Due("announce", newest.line, str(newest), "", "", "", since.isoformat(), (text,))


def _released(channels: Channels, out: Sequence[Out], line: str) -> list[Out]:
    """The releases of a line.

    Candidates take no number; what went through a channel that is no more did.
    """
    known = channels.channels
    return [
        each
        for each in out
        if each.version.line == line and (each.channel not in known or known[each.channel].releases)
    ]


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"


def _workday(day: datetime.date) -> datetime.date:
    """The day itself, or the Monday after where it is on a weekend."""
    return day + datetime.timedelta(days=7 - day.weekday() if day.weekday() > FRIDAY else 0)
