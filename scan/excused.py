"""The exceptions that were used, as lines for people, which stand first wherever they are shown."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from runner.untrusted import clean_line
from scan.record import TriagedFinding, TriageStatus

_MOST_PACKAGES = 5


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
    return tuple(
        _describe_exception(*key, list(packages), day) for key, packages in sorted(groups.items())
    )


def _describe_exception(
    name: str, until: str, why: str, packages: list[str], day: datetime.date | None
) -> str:
    more = len(packages) - _MOST_PACKAGES
    named = ", ".join(packages[:_MOST_PACKAGES]) + (f" and {more} more" if more > 0 else "")
    what = f"{clean_line(name, 60)} in {named}"
    if day and until < day.isoformat():
        return f"warning: the exception for {what} ended on {clean_line(until, 20)}"
    return f"exception until {clean_line(until, 20)}: {what}: {clean_line(why, 600)}"
