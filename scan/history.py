"""History of findings, kept in the registry: the day from which a fix of each was known.

No database has that day. If a finding was first seen without a fix, it is the day on which it was
first seen with one. Otherwise it is the advisory's own day, and if the advisory has none, the day
on which the finding was first seen here.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import TypeVar

from packageurl import PackageURL

from runner.verdict import Verdict
from scan.line_fixes import OutsideFix
from scan.policy import split_purl
from scan.record import Finding

MAX_FINDINGS, MAX_JUDGEMENTS = 50_000, 10_000
FINDINGS_BYTES, JUDGEMENTS_BYTES = 10 << 20, 5 << 20
"""The largest history that is written, and the largest that is read without a signature.

A finding has about 120 bytes, a result 250.
"""
VALUES = 6 * MAX_FINDINGS + JUDGEMENTS_BYTES // 8 + 10
"""Values and keys of such a history: those of each finding, of all results, and of the whole.

A key or value of a result has more than 8 bytes on average, of its advisories too.
"""


@dataclass(frozen=True)
class FindingDates:
    """The first day (ISO 8601) of a finding in any image, and the first with a fix.

    `fixed` is None if it never had a fix, and empty if it already had one when it was first seen:
    then the day of the fix is not known.
    """

    first: str
    fixed: str | None


@dataclass(frozen=True)
class RescanVerdict:
    """Result of assessing the stored SBOM of a published digest on a day (ISO 8601).

    `outside` are the advisories that no release of its line can fix. `is_only_outside` says that
    nothing else refuses it, so that no patch release would help.
    """

    date: str
    version: str
    image: str
    digest: str
    verdict: Verdict
    reason: str
    seconds: float
    outside: tuple[OutsideFix, ...] = ()
    is_only_outside: bool = False

    @property
    def needs_patch(self) -> bool:
        """Whether today's policy refuses it, and a patch release can help."""
        return self.verdict is Verdict.FAIL and not self.is_only_outside

    @property
    def result(self) -> tuple[object, ...]:
        """The verdict and its reasons, without the day and the time that it took."""
        return self.verdict, self.reason, self.outside, self.is_only_outside


@dataclass(frozen=True)
class History:
    """Findings by `ID PACKAGE` (the package URL without its version), and results of rescans.

    `judgements` holds those that differ from the one before. `claimed` holds days (ISO 8601) from
    which a fix was known, by the same keys, that no trusted key signed. Such a day can make a fix
    older than `seen` has it, but not older than the advisory; it is not stored.
    """

    seen: dict[str, FindingDates]
    judgements: tuple[RescanVerdict, ...] = ()
    claimed: dict[str, str] = field(default_factory=dict)

    def without_invalid_entries(self, today: datetime.date) -> History:
        """Return this history without invalid entries.

        Those have a day that is in the future or not a date, or a version that is not one.
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

    def only_claims(self) -> History:
        """Return the part that counts of a history that no trusted key signed."""
        days = {
            key: each.fixed or (each.first if each.fixed is not None else "")
            for key, each in self.seen.items()
        }
        return History({}, claimed={key: day for key, day in days.items() if day})

    def with_findings(self, findings: Iterable[Finding], today: datetime.date) -> History:
        """Return this history with the findings of today."""
        seen = dict(self.seen)
        for finding in findings:
            key = _finding_key(finding)
            before = seen.get(key)
            if before is None:
                seen[key] = FindingDates(today.isoformat(), "" if finding.fixed_version else None)
            elif before.fixed is None and finding.fixed_version:
                seen[key] = replace(before, fixed=today.isoformat())
        return replace(self, seen=seen)

    def with_results(self, judgements: Iterable[RescanVerdict]) -> History:
        """Return this history with those results that differ from the last one of their digest."""
        last = {each.digest: each.result for each in self.judgements}
        news = (each for each in judgements if last.get(each.digest) != each.result)
        return replace(self, judgements=(*self.judgements, *news))

    def merge_with(self, other: History) -> History:
        """Return both histories as one: the earliest day of each finding, and all results."""
        both = dict(other.seen)
        for key, seen in self.seen.items():
            both[key] = _merge_dates(seen, both[key]) if key in both else seen
        judgements = sorted({*self.judgements, *other.judgements}, key=_result_order)
        return History(both, tuple(judgements), {**other.claimed, **self.claimed})

    def within_limits(self) -> History:
        """Return the largest part of this history that may be written.

        Findings without a fix are left out first, since forgetting one extends no grace period,
        then those that were first seen long ago. Of the results, the oldest are left out.
        """
        newest = sorted(sorted(self.seen.items()), key=lambda item: item[1].first, reverse=True)
        ordered = sorted(newest, key=lambda item: item[1].fixed is None)
        # each size is the most bytes of an entry in the document, with its indentation
        seen = _take_within(
            ordered,
            lambda item: len(json.dumps([item[0], item[1].first, item[1].fixed])) + 80,
            MAX_FINDINGS,
            FINDINGS_BYTES,
        )
        results = sorted(self.judgements, key=_result_order, reverse=True)
        kept = set(
            _take_within(
                results,
                lambda result: len(json.dumps(asdict(result))) + 100,
                MAX_JUDGEMENTS,
                JUDGEMENTS_BYTES,
            )
        )
        judgements = tuple(each for each in self.judgements if each in kept)
        return replace(self, seen=dict(seen), judgements=judgements)

    def first_fix_day(self, finding: Finding, today: datetime.date) -> datetime.date:
        """Return the first day on which a fix of a finding was known.

        It is `today` if the finding was never seen and its advisory has no day.
        """
        seen = self.seen.get(_finding_key(finding))
        known = (seen and seen.fixed) or finding.published or (seen and seen.first)
        day = datetime.date.fromisoformat(known) if known else today
        claimed = self.claimed.get(_finding_key(finding))
        if not claimed:
            return day
        earliest = datetime.date.fromisoformat(
            finding.published or (seen.first if seen else today.isoformat())
        )
        return min(day, max(datetime.date.fromisoformat(claimed), earliest))


_VERSION = re.compile(r"v\d{1,6}\.\d{1,6}\.\d{1,9}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _is_past(day: str, today: datetime.date) -> bool:
    """Return whether a text is a day (ISO 8601) that is not in the future."""
    try:
        return _DAY.fullmatch(day) is not None and datetime.date.fromisoformat(day) <= today
    except ValueError:
        return False


def _result_order(each: RescanVerdict) -> tuple[str | float, ...]:
    """Return a sort key of all fields: a merged history does not depend on who merges it."""
    return (
        each.date,
        each.version,
        each.image,
        each.digest,
        each.verdict,
        each.reason,
        each.seconds,
        str((each.outside, each.is_only_outside)),
    )


_Entry = TypeVar("_Entry")


def _take_within(
    entries: Iterable[_Entry], size_of: Callable[[_Entry], int], most: int, size: int
) -> list[_Entry]:
    """Return the first entries, at most `most` and of at most `size` bytes together."""
    taken: list[_Entry] = []
    for each in islice(entries, most):
        size -= size_of(each)
        if size < 0:
            break
        taken.append(each)
    return taken


def _finding_key(finding: Finding) -> str:
    kind, namespace, name, _ = split_purl(finding.purl)
    return f"{finding.id} {PackageURL(kind, namespace, name).to_string()}"


def _merge_dates(one: FindingDates, other: FindingDates) -> FindingDates:
    """Return the dates of one finding that two scanners saw.

    If one of them saw it without a fix, the fix is not older than the day on which the other first
    saw it.
    """
    first = min(one.first, other.first)
    if one.fixed is None and other.fixed is None:
        return FindingDates(first, None)
    if one.fixed == other.fixed == "":
        return FindingDates(first, "")
    days = [seen.fixed or seen.first for seen in (one, other) if seen.fixed is not None]
    return FindingDates(first, min(days))
