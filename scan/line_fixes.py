"""Advisories that no release of a line can fix, because the fix is another line.

A line fixes the minor version of PyTorch's own packages, and torch pins Triton and NVIDIA's
libraries exactly. So an advisory on one of them may have a fix that no patch release of the line
can take. Only another line has it. Such a finding is said once, and never as a release that is due.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from images.catalog import Line
from images.compatibility import PYTORCH, is_platform
from images.support import SupportStatus
from images.version import line_numbers
from runner.untrusted import clean_line
from scan.policy import split_purl
from scan.record import Finding, TriagedFinding, TriageStatus
from scan.versions import read_python_version

WITHOUT_EXCEPTION = "without an exception it stays a candidate"


@dataclass(frozen=True)
class OutsideFix:
    """A blocking or excused advisory whose fix is outside of the line of the image.

    `fixed` is the nearest version that has the fix. `until` (ISO 8601) is the last day of the
    exception that was written for it, also if that day is over; empty if there is none.
    """

    id: str
    package: str
    installed: str
    fixed: str
    until: str = ""

    def is_excused(self, day: datetime.date) -> bool:
        """Return whether its exception is in force on a day (UTC)."""
        return self.until >= day.isoformat()

    def is_fixed_in(self, line: Line) -> bool:
        """Return whether a line has the fix; of what torch requires it is not known, and taken."""
        if self.package not in PYTORCH:
            return True
        has, wanted = (
            read_python_version(getattr(line, self.package) or ""),
            read_python_version(self.fixed),
        )
        return has is not None and wanted is not None and has >= wanted


def find_outside_fix(finding: Finding) -> str:
    """Return the nearest fixed version if all fixes are outside of the line; otherwise nothing.

    A version that cannot be read fixes nothing. Without a fix that is newer than what is installed,
    it is not known whether another line helps.
    """
    try:
        kind, _, name, _ = split_purl(finding.purl)
    except ValueError:
        return ""
    installed = read_python_version(finding.installed_version)
    if kind != "pypi" or not is_platform(name) or installed is None:
        return ""
    read = map(read_python_version, finding.fixed_version.split(","))
    newer = sorted(each for each in read if each is not None and each > installed)
    minor = installed.release[:2]
    if not newer or (name in PYTORCH and any(each.release[:2] == minor for each in newer)):
        return ""
    return str(newer[0])


def list_outside_fixes(judged: Iterable[TriagedFinding]) -> tuple[OutsideFix, ...]:
    """Return the blocking and excused findings that no release of the line can fix, each once."""
    found: dict[OutsideFix, None] = {}
    for each in judged:
        if each.standing not in (TriageStatus.BLOCKS, TriageStatus.EXCUSED):
            continue
        if fixed := find_outside_fix(each.finding):
            installed, name = each.finding.installed_version, split_purl(each.finding.purl)[2]
            fix = OutsideFix(each.finding.id, name, installed, fixed, each.exception_until)
            found[fix] = None
    return tuple(found)


def describe_outside_fixes(
    lines: Mapping[str, Line], name: str, fixes: Collection[OutsideFix], day: datetime.date
) -> str:
    """Return one sentence about all that line `name` cannot fix; empty if `fixes` is empty.

    `day` (UTC) decides which lines are active and which exceptions are in force.
    """
    merged: dict[tuple[str, str], OutsideFix] = {}
    for each in sorted(fixes, key=lambda each: (each.id, each.package, each.until)):
        merged[each.id, each.package] = each
    if not merged:
        return ""
    every = list(merged.values())
    packages = ("" if each.package == "torch" else f"{each.package} " for each in every)
    named = " and ".join(
        clean_line(f"{each.id}, fixed in {package}{each.fixed}", 200)
        for each, package in zip(every, packages, strict=True)
    )
    target = find_line_with_fixes(lines, name, every, day)
    move = f"move to {target}" if target else "no newer line that is active has the fix yet"
    return f"{name} cannot be fixed inside the line: {named}; {move}{_say_exceptions(every, day)}"


def find_line_with_fixes(
    lines: Mapping[str, Line], name: str, fixes: Collection[OutsideFix], day: datetime.date
) -> str:
    """Return the newest active line that is newer than `name` and has all fixes, or nothing."""
    newer = (
        each
        for each, line in lines.items()
        if line_numbers(each) > line_numbers(name)
        and line.find_support(day).status is SupportStatus.ACTIVE
        and all(fix.is_fixed_in(line) for fix in fixes)
    )
    return max(newer, key=line_numbers, default="")


def _say_exceptions(fixes: Collection[OutsideFix], day: datetime.date) -> str:
    """Return what the sentence says about exceptions, in brackets."""
    texts = []
    for each in fixes:
        ended = f"its exception ended on {each.until}; " if each.until else ""
        excused = f"there is an exception until {each.until}"
        texts.append(excused if each.is_excused(day) else f"{ended}{WITHOUT_EXCEPTION}")
    if len(set(texts)) == 1:
        return f" ({texts[0]})"
    named = (
        f"{clean_line(each.id, 60)} in {clean_line(each.package, 60)}: {text}"
        for each, text in zip(fixes, texts, strict=True)
    )
    return f" ({', '.join(named)})"
