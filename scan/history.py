"""Since when a fix is known of: what the databases of earlier scans said, kept in the registry.

No database tells the day of a fix. A finding that was seen without one has its fix from the day it
was first seen with one; else the advisory's own day counts, and where it has none the day it was
first seen here.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from packageurl import PackageURL

from runner.verdict import Verdict
from scan.policy import core
from scan.record import Finding


@dataclass(frozen=True)
class Seen:
    """The first day (ISO 8601) of a finding in any image, and the first with a fix.

    `fixed` is None where it never had one, and empty where it had one when it was first seen: then
    nobody knows.
    """

    first: str
    fixed: str | None


@dataclass(frozen=True)
class Judgement:
    """What became of a published digest on a day (ISO 8601), from its stored bill of materials."""

    date: str
    version: str
    image: str
    digest: str
    verdict: Verdict
    reason: str
    seconds: float


@dataclass(frozen=True)
class History:
    """`seen` by `ID PACKAGE`, the package's URL without its version; `judgements` that differ from
    the one before.

    `claimed` are days (ISO 8601) from which a fix is known of, by the same names, that nobody
    trusted signed. They can make a fix older than `seen` has it, never younger, nor older than the
    advisory itself; they are not kept.
    """

    seen: dict[str, Seen]
    judgements: tuple[Judgement, ...] = ()
    claimed: dict[str, str] = field(default_factory=dict)

    def checked(self, today: datetime.date) -> History:
        """Return this history without days that are none or are to come, and judgements of versions
        that are none.
        """
        seen = {key: each for key, each in self.seen.items() if _is_past(each.first, today)}
        seen = {
            key: each for key, each in seen.items() if not each.fixed or _is_past(each.fixed, today)
        }
        judgements = [
            each
            for each in self.judgements
            if _is_past(each.date, today) and _VERSION.fullmatch(each.version)
        ]
        return History(seen, tuple(judgements))

    def claims_alone(self) -> History:
        """Return what is left of a history that nobody trusted signed."""
        days = {
            key: each.fixed or (each.first if each.fixed is not None else "")
            for key, each in self.seen.items()
        }
        return History({}, claimed={key: day for key, day in days.items() if day})

    def with_findings(self, findings: Iterable[Finding], today: datetime.date) -> History:
        """This history, and what a database said today."""
        seen = dict(self.seen)
        for finding in findings:
            key = _key(finding)
            before = seen.get(key)
            seen[key] = _first(finding, today) if before is None else _again(finding, before, today)
        return replace(self, seen=seen)

    def with_judgements(self, judgements: Iterable[Judgement]) -> History:
        """This history, and the judgements that are news."""
        last = {each.digest: (each.verdict, each.reason) for each in self.judgements}
        news = (each for each in judgements if last.get(each.digest) != (each.verdict, each.reason))
        return replace(self, judgements=(*self.judgements, *news))

    def merged(self, other: History) -> History:
        """The earliest day of each finding, and the judgements of both."""
        both = dict(other.seen)
        for key, seen in self.seen.items():
            both[key] = _earliest(seen, both[key]) if key in both else seen
        judgements = sorted({*self.judgements, *other.judgements}, key=_in_order)
        return History(both, tuple(judgements), {**other.claimed, **self.claimed})

    def fixed_on(self, finding: Finding, today: datetime.date) -> datetime.date:
        """The first day a fix of it is known of; `today` where it was never seen and has no day of
        its own.
        """
        seen = self.seen.get(_key(finding))
        known = (seen and seen.fixed) or finding.published or (seen and seen.first)
        day = datetime.date.fromisoformat(known) if known else today
        claimed = self.claimed.get(_key(finding))
        if not claimed:
            return day
        earliest = datetime.date.fromisoformat(
            finding.published or (seen.first if seen else today.isoformat())
        )
        return min(day, max(datetime.date.fromisoformat(claimed), earliest))


_VERSION = re.compile(r"v\d{1,6}\.\d{1,6}\.\d{1,9}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _is_past(day: str, today: datetime.date) -> bool:
    """Whether it is a day, and not one that is to come."""
    try:
        return _DAY.fullmatch(day) is not None and datetime.date.fromisoformat(day) <= today
    except ValueError:
        return False


def _in_order(each: Judgement) -> tuple[str | float, ...]:
    """By all that two of them can differ in: merged by whomever, a history is the same."""
    return (
        each.date,
        each.version,
        each.image,
        each.digest,
        each.verdict,
        each.reason,
        each.seconds,
    )


def _key(finding: Finding) -> str:
    kind, namespace, name, _ = core(finding.purl)
    return f"{finding.id} {PackageURL(kind, namespace, name).to_string()}"


def _first(finding: Finding, today: datetime.date) -> Seen:
    return Seen(today.isoformat(), "" if finding.fixed_version else None)


def _again(finding: Finding, before: Seen, today: datetime.date) -> Seen:
    fixed_now = before.fixed is None and finding.fixed_version
    return replace(before, fixed=today.isoformat()) if fixed_now else before


def _earliest(one: Seen, other: Seen) -> Seen:
    """Of two scanners that saw the same.

    Where one saw it without a fix, the other's first day bounds the fix's.
    """
    first = min(one.first, other.first)
    if one.fixed is None and other.fixed is None:
        return Seen(first, None)
    if one.fixed == other.fixed == "":
        return Seen(first, "")
    days = [seen.fixed or seen.first for seen in (one, other) if seen.fixed is not None]
    return Seen(first, min(days))
