"""The exceptions that were used, as lines for people, which stand first wherever they are shown."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from runner.untrusted import clean_line
from scan.record import TriagedFinding, TriageStatus

_MAX_PACKAGES = 5


def describe_exceptions(
    judged: Iterable[TriagedFinding], day: datetime.date | None = None
) -> tuple[str, ...]:
    """Return a line for each exception that lets findings stand, each once.

    Given a `day` (UTC), exceptions that ended before it are warnings.
    """
    groups: dict[tuple[str, str, str], dict[str, None]] = {}
    for each in judged:
        if each.standing is TriageStatus.EXCUSED:
            found = each.finding
            package = clean_line(f"{found.package} {found.installed_version}", 100)
            groups.setdefault((found.id, each.until, each.why), {})[package] = None
    lines = []
    for (name, until, why), packages in sorted(groups.items()):
        more = len(packages) - _MAX_PACKAGES
        named = ", ".join(list(packages)[:_MAX_PACKAGES])
        named += f" and {more} more" if more > 0 else ""
        what, day_shown = f"{clean_line(name, 60)} in {named}", clean_line(until, 20)
        if day and until < day.isoformat():
            lines.append(f"warning: the exception for {what} ended on {day_shown}")
        else:
            lines.append(f"exception until {day_shown}: {what}: {clean_line(why, 600)}")
    return tuple(lines)
