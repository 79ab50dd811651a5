"""Rules about the line of a release: its support on a day, and what it cannot ever fix."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence

from images.catalog import Line
from images.support import SupportStatus
from publish.policy.channels import Kind
from publish.policy.reason import Problem
from runner.reason_cause import ReasonCause
from runner.untrusted import clean_line
from runner.verdict import Verdict
from scan.line_fixes import describe_outside_fixes, list_outside_fixes
from scan.record import TriagedFinding, TriageStatus

_DUE: Mapping[SupportStatus, tuple[Kind, ...]] = {
    SupportStatus.ACTIVE: ("patch", "feature", "major"),
    SupportStatus.SECURITY: ("patch",),
    SupportStatus.ENDED: (),
}
"""The release kinds that can become due for a line, by its status."""


def select_due_kinds(kinds: Iterable[Kind], line: Line, day: datetime.date) -> tuple[Kind, ...]:
    """Return those release kinds that can be due for the line on a day (UTC)."""
    return tuple(kind for kind in kinds if kind in _DUE[line.find_support(day).status])


def find_support_problem(name: str, line: Line, day: datetime.date) -> str:
    """Return why no image of line `name` is promoted on a day (UTC); empty if it may be."""
    ended = f"line {name} has ended, so nothing of it is promoted: {line.find_support(day)}"
    return ended if line.has_ended(day) else ""


def find_advisory_problems(
    lines: Mapping[str, Line], name: str, judged: Sequence[TriagedFinding], day: datetime.date
) -> Iterator[Problem]:
    """Yield why findings keep an image of line `name` out of a channel that releases.

    These are findings that no release of the line can fix and no exception lets stand on that day,
    and all others whose exception ended since the scan.
    """
    outside = [each for each in list_outside_fixes(judged) if not each.is_excused(day)]
    if outside:
        text = describe_outside_fixes(lines, name, outside, day)
        yield Problem(Verdict.FAIL, text, ReasonCause.NO_EXCEPTION)
    known = {(each.id, each.until) for each in outside}
    for each in judged:
        is_over = each.standing is TriageStatus.EXCUSED and "" < each.until < day.isoformat()
        if is_over and (each.finding.id, each.exception_until) not in known:
            package = f"{each.finding.package} {each.finding.installed_version}"
            yield Problem(
                Verdict.FAIL,
                f"the exception for {clean_line(each.finding.id, 60)} in "
                f"{clean_line(package, 100)} ended on {each.until}: run `scan` again",
            )
