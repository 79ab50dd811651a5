"""Status of each finding by the policy, and faults of the exceptions.

Pure: today is an argument.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packageurl import PackageURL

from runner.moments import add_days
from runner.nouns import count_noun
from scan.line_fixes import find_outside_fix
from scan.policy import (
    EXCEPTIONS,
    NOT_AFFECTED,
    LineException,
    PolicyException,
    is_same_package,
)
from scan.record import (
    SEVERITIES,
    UNKNOWN,
    Finding,
    Package,
    ScanProblem,
    TriagedFinding,
    TriageStatus,
    severity_of,
)
from scan.versions import read_python_version

EXCEPTION = "exception"
_UNRATED = "nobody has rated its severity yet; "


@dataclass(frozen=True)
class TriageRules:
    """Rules for the findings of one image.

    `grace` is days by severity; a missing severity never blocks. `longest` is the maximum number of
    days of an exception. `fixed_on` returns the first day on which a fix of a finding was known
    (`scan/history.py`). `line_excuses` are the line exceptions, for what it cannot fix.
    """

    grace: Mapping[str, int]
    excuses: Sequence[PolicyException]
    longest: int
    today: datetime.date
    fixed_on: Callable[[Finding], datetime.date]
    line_excuses: Sequence[LineException] = ()


def triage_findings(findings: Iterable[Finding], rules: TriageRules) -> tuple[TriagedFinding, ...]:
    """Return every finding with its status: blocking ones first, then by severity and package."""

    def sort_key(each: TriagedFinding) -> tuple[int, int, str]:
        rank = SEVERITIES.index(severity_of(each.finding))
        return _ORDER.index(each.standing), rank, each.finding.package

    return tuple(sorted((_triage_finding(finding, rules) for finding in findings), key=sort_key))


def _triage_finding(finding: Finding, rules: TriageRules) -> TriagedFinding:
    if excuse := _find_excuse(finding, rules):
        last = excuse.expires.isoformat()
        return TriagedFinding(finding, TriageStatus.EXCUSED, last, excuse.explanation, last)
    standing, until, why = _apply_grace(finding, rules)
    unrated, ended = _UNRATED if severity_of(finding) == UNKNOWN else "", ""
    if until and find_outside_fix(finding):
        why += "; no release of the line can fix it"
        ends = (each.expires for each in rules.line_excuses if each.covers_finding(finding))
        ended = next((day.isoformat() for day in ends), "")
    return TriagedFinding(finding, standing, until, f"{unrated}{why}", ended)


def _apply_grace(finding: Finding, rules: TriageRules) -> tuple[TriageStatus, str, str]:
    """Return status, last day of grace and reason of a finding without an exception."""
    severity = severity_of(finding)
    if severity not in rules.grace:
        return TriageStatus.TOLERATED, "", f"{severity} does not block"
    if not finding.fixed_version:
        return TriageStatus.UNFIXED, "", "no fixed version is known"
    days, since = rules.grace[severity], rules.fixed_on(finding)
    until = add_days(since, days)
    standing = TriageStatus.GRACE if rules.today <= until else TriageStatus.BLOCKS
    return standing, until.isoformat(), f"fixed since {since}, {count_noun(days, 'day')} of grace"


def _find_excuse(finding: Finding, rules: TriageRules) -> PolicyException | LineException | None:
    """Return the exception that lets a finding stand today, or None.

    If the fix is another line, the finding needs a line exception. That an image is not
    affected may be said of any finding.
    """
    is_outside = bool(find_outside_fix(finding))
    usable: list[PolicyException | LineException] = [
        each
        for each in rules.excuses
        if not _is_expired(each, rules) and (each.status == NOT_AFFECTED or not is_outside)
    ]
    if is_outside:
        usable += [each for each in rules.line_excuses if each.is_in_force(rules.today)]
    return next((each for each in usable if each.covers_finding(finding)), None)


def exception_problems(
    rules: TriageRules,
    findings: Collection[Finding],
    packages: Collection[Package],
    known: Callable[[str], bool],
) -> Iterator[ScanProblem]:
    """Yield a problem for each faulty exception of an image.

    `known` returns whether the database has an advisory. An exception that no finding needs is a
    fault, as an expired one is: it may be written for the wrong package.
    """
    for index, excuse in enumerate(rules.excuses):
        wrong = _exception_fault(excuse, rules, findings, packages, known)
        if any(
            excuse.id == other.id and is_same_package(excuse.package, other.package)
            for other in rules.excuses[:index]
        ):
            wrong = "given twice"
        if wrong:
            yield ScanProblem(
                EXCEPTION,
                f"{excuse.id} {excuse.package}",
                wrong,
                f"correct or remove it in {EXCEPTIONS.name}",
            )


def _exception_fault(
    excuse: PolicyException,
    rules: TriageRules,
    findings: Collection[Finding],
    packages: Collection[Package],
    known: Callable[[str], bool],
) -> str:
    last = add_days(rules.today, rules.longest)
    if _is_expired(excuse, rules):
        return f"expired on {excuse.expires}"
    if excuse.expires > last:
        limit = f"the longest is {count_noun(rules.longest, 'day')}, until {last}"
        return f"too broad: it runs until {excuse.expires}; {limit}"
    if not any(is_same_package(excuse.package, package.purl) for package in packages):
        return "unknown: the image does not hold this package in this version"
    if not known(excuse.id):
        return "unknown: the database has no such advisory"
    covered = [finding for finding in findings if excuse.covers_finding(finding)]
    if excuse.status != NOT_AFFECTED and any(map(find_outside_fix, covered)):
        return "not enough: no release of the line can fix it, so write it under `line_exceptions`"
    return "" if covered else "unused: no finding needs it"


def _is_expired(excuse: PolicyException, rules: TriageRules) -> bool:
    return excuse.expires < rules.today


def suggest_fix(finding: Finding) -> str:
    """Return how to take the fix of a finding: a requirement to write, or a release to cut."""
    if outside := find_outside_fix(finding):
        return (
            f"move to a line with {finding.package} {outside} or newer; no release of this line "
            f"can fix it, so without an entry under `line_exceptions` in {EXCEPTIONS.name} it "
            "stays a candidate"
        )
    if PackageURL.from_string(finding.purl).type == "pypi":
        fixed = nearest_fix(finding)
        if not fixed:
            return (
                f"read the advisory: `{finding.fixed_version}`, which the database names as its "
                f"fix, is no version of a Python package; then `./release.py lock`"
            )
        wanted = f"`{finding.package}>={fixed}`"
        return (
            f"`./release.py lock` takes the fix; if it cannot, write {wanted} into the stack's "
            "requirements.in"
        )
    return (
        f"cut the next patch release: a new OS layer takes {finding.package} "
        f"{finding.fixed_version}"
    )


def nearest_fix(finding: Finding) -> str:
    """Return the fixed version of a Python package that is nearest.

    It is the lowest one above the installed version; if there is none, or if that version cannot be
    read, the highest. Texts of the database that are no versions are left out; if no other is
    there, the result is empty.
    """
    read = map(read_python_version, finding.fixed_version.split(","))
    fixes = sorted(each for each in read if each is not None)
    installed = read_python_version(finding.installed_version)
    above = (each for each in fixes if installed is not None and each > installed)
    return str(next(above, fixes[-1])) if fixes else ""


_ORDER = tuple(TriageStatus)
