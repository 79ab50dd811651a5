"""The releases that are due today, and why.

The result depends on the arguments only: the date, the releases that were made, and the results of
the nightly rescans.

A release is due for one of two reasons: the calendar of a channel, or an image of the newest
release of a line that today's policy refuses (for example because the grace of an advisory has
ended). A line that gets only patches is due for no feature release. After the support of a line has
ended, nothing is due for it. The end is announced some time before.

An advisory that no release of the line can fix makes no release due: it is said once, with the line
to move to. While one of them has no exception, nothing is due for the line, since nothing could be
promoted.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from images.catalog import Line, Version
from images.support import find_last_day
from publish.policy.channels import Calendar, Channel, Channels
from publish.policy.line_support import select_due_kinds
from publish.policy.reason import Reason
from runner.moments import add_days
from runner.nouns import count_noun
from runner.verdict import Verdict
from scan.history import RescanVerdict
from scan.line_fixes import describe_outside_fixes

FRIDAY = 4

Action = Literal["release", "announce", "move"]


@dataclass(frozen=True)
class PublishedRelease:
    """A release that was promoted through `channel` on `day` (UTC).

    `channel` is empty if no decision says it, or if nothing depends on it and it was not read.
    `withdrawn` says whether it was yanked or rolled back since, `outage` why the registry could not
    be asked for the channel.
    """

    version: Version
    channel: str
    day: datetime.date
    withdrawn: bool = False
    outage: str = ""


@dataclass(frozen=True)
class DueRelease:
    """One thing to do.

    `version` is the version that the release will have. `newest` is the newest release of the line
    that was not withdrawn. `since` (ISO 8601) is the day on which it became due; it stays the same
    until it is done. Only releases have a `version`, `channel` and `kind`. `reasons` are for
    people. `support` is the status of the line on that day, and why.
    """

    action: Action
    line: str
    newest: str
    version: str
    channel: str
    kind: str
    since: str
    reasons: tuple[str, ...]
    support: str = ""

    def __str__(self) -> str:
        """Return one line for people."""
        if self.action == "move":
            return "; ".join(self.reasons)
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
    """Return what should be done today, line by line.

    In a line, releases for advisories come first; their numbers follow each other. `out` are all
    releases that were ever made. `judgements` are the results of rescans, either those of the
    history (with the day on which each was new) or those of one rescan. Nothing is due for a line
    without releases: a person makes the first one.
    """
    known, found = channels.channels, list[DueRelease]()
    for name, line in lines.items():
        # Candidates do not count. Releases through a channel that no longer exists do count.
        released = [
            each
            for each in out
            if each.version.line == name
            and (each.channel not in known or known[each.channel].is_releasing)
        ]
        if released and not line.has_ended(today):
            support = str(line.find_support(today))
            due = _due_in_line(today, channels, lines, released, judgements)
            found += [replace(each, support=support) for each in due]
    return tuple(found)


def needs_channel(
    today: datetime.date,
    channels: Channels,
    lines: Mapping[str, Line],
    release: PublishedRelease,
) -> bool:
    """Return whether what is due today depends on the channel of a release.

    It does for a release of a supported line that a calendar may have waited for: not for
    older ones, which may have lost their decision long ago, nor for one that was withdrawn.
    """
    line = lines.get(release.version.line)
    if line is None or line.has_ended(today) or release.withdrawn:
        return False
    calendars = [each.calendar for each in channels.channels.values() if each.calendar]
    return any(release.day >= latest_scheduled_day(each, today) for each in calendars)


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
    lines: Mapping[str, Line],
    released: Sequence[PublishedRelease],
    judgements: Sequence[RescanVerdict],
) -> Iterator[DueRelease]:
    """Yield what is due in the line of these releases.

    The number of a withdrawn release is not used again. Otherwise it does not count.
    """
    current = [each for each in released if not each.withdrawn]
    newest, highest = _newest_version(current or released), _newest_version(released)
    line, in_order = lines[newest.line], sorted(judgements, key=lambda each: each.date)
    by_image = {each.image: each for each in in_order if each.version == str(newest)}
    latest = list(by_image.values())
    due_channels = _find_due_channels(today, channels, line, current, _find_refusals(latest))
    if any(not fix.is_excused(today) for each in latest for fix in each.outside):
        due_channels = iter(())  # whatever is released could not be promoted
    for number, (channel, reasons) in enumerate(due_channels, start=1):
        yield DueRelease(
            action="release",
            line=newest.line,
            newest=str(newest),
            version=str(replace(highest, patch=highest.patch + number)),
            channel=channel,
            kind=select_due_kinds(channels.channels[channel].kinds, line, today)[0],
            since=min(since for since, _ in reasons).isoformat(),
            reasons=tuple(str(reason) for _, reason in reasons),
        )
    # the one sentence about the advisories that no release of the line can fix
    found = [each for each in latest if each.outside]
    fixes = {fix for each in found for fix in each.outside}
    if text := describe_outside_fixes(lines, newest.line, fixes, today):
        first_day = min(each.date for each in found)
        yield DueRelease("move", newest.line, str(newest), "", "", "", first_day, (text,))
    yield from _announce_end(today, channels.announce_days, newest, line)


def _newest_version(released: Sequence[PublishedRelease]) -> Version:
    return max((each.version for each in released), key=lambda version: version.patch)


def _find_due_channels(
    today: datetime.date,
    channels: Channels,
    line: Line,
    released: Sequence[PublishedRelease],
    refusals: Sequence[_DatedReason],
) -> Iterator[tuple[str, list[_DatedReason]]]:
    """Yield the channels with a release that is due, each with reasons; advisories come first.

    A channel that takes no release kind that the line may have is left out.
    """
    for name, channel in sorted(channels.channels.items(), key=lambda item: not item[1].advisories):
        reasons = [
            *(refusals if channel.advisories else ()),
            *_check_calendar(today, channels, channel, released),
        ]
        if reasons and select_due_kinds(channel.kinds, line, today):
            yield name, reasons


def _check_calendar(
    today: datetime.date, channels: Channels, channel: Channel, released: Sequence[PublishedRelease]
) -> Iterator[_DatedReason]:
    """Yield why the calendar of a channel demands a release.

    A release is due from the day of the calendar on. It is no longer due when a release of that day
    or later has moved all aliases of the channel.
    """
    if channel.calendar is None:
        return
    day = latest_scheduled_day(channel.calendar, today)
    for each in released:
        other = channels.channels.get(each.channel)
        if each.day >= day and other and set(channel.aliases) <= set(other.aliases):
            return
    late = f", {count_noun((today - day).days, 'day')} ago" if day < today else ""
    yield day, Reason("", "", Verdict.NOT_RUN, f"the calendar has a release on {day}{late}")


def _find_refusals(latest: Iterable[RescanVerdict]) -> list[_DatedReason]:
    """Return why today's policy refuses images, as far as a patch release can help."""
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
        for each in latest
        if each.needs_patch
    ]


def _announce_end(
    today: datetime.date, days: int, newest: Version, line: Line
) -> Iterator[DueRelease]:
    """Yield the announcement that the support of a line ends, from `days` days before the end."""
    last = find_last_day(line.support)
    since = add_days(last, -days) if last else today
    if last is None or today < since:
        return
    left = (last - today).days
    when = f"in {count_noun(left, 'day')}" if left else "today"
    text = f"announce that its support ends on {last}, {when}"
    yield DueRelease("announce", newest.line, str(newest), "", "", "", since.isoformat(), (text,))
