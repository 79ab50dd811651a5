"""Where each finding stands by the policy, and what is wrong with the exceptions.

Pure: today is an argument.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packageurl import PackageURL
from packaging.version import Version

from scan.policy import EXCEPTIONS, Excuse, same_package
from scan.record import Finding, Judged, Package, Problem, Standing

EXCEPTION = "exception"


@dataclass(frozen=True)
class Rules:
    """What an image is judged by.

    `grace` is days by severity; a severity that is missing never blocks.

    `longest` is the most days an exception may run. `fixed_on` says the first day a fix of a
    finding is known of (`scan/history.py`).
    """

    grace: Mapping[str, int]
    excuses: Sequence[Excuse]
    longest: int
    today: datetime.date
    fixed_on: Callable[[Finding], datetime.date]


def judge(findings: Iterable[Finding], rules: Rules) -> tuple[Judged, ...]:
    """Every finding with its standing, what blocks first, else by severity and package."""
    judged = (_stand(finding, rules) for finding in findings)
    return tuple(
        sorted(
            judged,
            key=lambda each: (_ORDER.index(each.standing), _severity(each), each.finding.package),
        )
    )


def _stand(finding: Finding, rules: Rules) -> Judged:
    excuse = next(
        (
            excuse
            for excuse in rules.excuses
            if excuse.covers(finding) and not _expired(excuse, rules)
        ),
        None,
    )
    if excuse:
        return Judged(
            finding,
            Standing.EXCUSED,
            excuse.expires.isoformat(),
            f"{excuse.reason} ({excuse.owner})",
        )
    severity = finding.severity.lower()
    if severity not in rules.grace:
        return Judged(finding, Standing.TOLERATED, "", f"{severity} does not block")
    if not finding.fixed_version:
        return Judged(finding, Standing.UNFIXED, "", "no fixed version is known")
    return _in_time(finding, rules, rules.grace[severity])


def _in_time(finding: Finding, rules: Rules, days: int) -> Judged:
    since = rules.fixed_on(finding)
    until = since + datetime.timedelta(days=days)
    why = f"fixed since {since}, {days} days of grace"
    return Judged(
        finding, Standing.GRACE if rules.today <= until else Standing.BLOCKS, until.isoformat(), why
    )


def exception_problems(
    rules: Rules,
    findings: Collection[Finding],
    packages: Collection[Package],
    known: Callable[[str], bool],
) -> Iterator[Problem]:
    """What is wrong with the exceptions of an image; `known` says whether the database has an
    advisory.

    An exception that excuses nothing hides what it was written for, and is refused like one that
    ran out.
    """
    for index, excuse in enumerate(rules.excuses):
        wrong = _wrong(excuse, rules, findings, packages, known)
        if any(_is_same(excuse, other) for other in rules.excuses[:index]):
            wrong = "given twice"
        if wrong:
            yield Problem(
                EXCEPTION,
                f"{excuse.id} {excuse.package}",
                wrong,
                f"correct or remove it in {EXCEPTIONS.name}",
            )


def _wrong(
    excuse: Excuse,
    rules: Rules,
    findings: Collection[Finding],
    packages: Collection[Package],
    known: Callable[[str], bool],
) -> str:
    last = rules.today + datetime.timedelta(days=rules.longest)
    if _expired(excuse, rules):
        return f"expired on {excuse.expires}"
    if excuse.expires > last:
        return (
            f"too broad: it runs until {excuse.expires}, {rules.longest} days from today is {last}"
        )
    if not any(same_package(excuse.package, package.purl) for package in packages):
        return "unknown: the image does not hold this package in this version"
    if not known(excuse.id):
        return "unknown: the database has no such advisory"
    return (
        "" if any(excuse.covers(finding) for finding in findings) else "unused: no finding needs it"
    )


def _is_same(one: Excuse, other: Excuse) -> bool:
    return one.id == other.id and same_package(one.package, other.package)


def _expired(excuse: Excuse, rules: Rules) -> bool:
    return excuse.expires < rules.today


def pin(finding: Finding) -> str:
    """What ends a finding that has a fix: the requirement to write, or the release to cut."""
    if PackageURL.from_string(finding.purl).type == "pypi":
        fixed = nearest_fix(finding)
        wanted = f"`{finding.package}>={fixed}`"
        return (
            f"`./release.py lock` takes the fix; where it cannot, write {wanted} into the "
            "stack's requirements.in"
        )
    return (
        f"cut the next patch release: a new OS layer takes {finding.package} "
        f"{finding.fixed_version}"
    )


def nearest_fix(finding: Finding) -> str:
    """Of a Python package: of several lines with a fix the lowest version above the installed one,
    else the highest.
    """
    versions = sorted((each.strip() for each in finding.fixed_version.split(",")), key=Version)
    installed = Version(finding.installed_version)
    return next((each for each in versions if Version(each) > installed), versions[-1])


def _severity(judged: Judged) -> int:
    severity = judged.finding.severity.lower()
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES)


_ORDER = tuple(Standing)
_SEVERITIES = ("critical", "high", "medium", "low")
