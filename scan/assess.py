"""What is known against a bill of materials today, and what the policy makes of it.

Needs no image.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from runner.untrusted import clean_line, printable
from runner.verdict import Verdict, worst
from scan import database, documents, judge, sbom, trivy
from scan.history import History
from scan.judge import Rules
from scan.policy import Excuse, Policy
from scan.record import Database, Finding, Judged, Origin, Package, Problem, Standing, in_one_line
from scan.trivy import VulnerabilityDatabase

RESULT = "vulnerabilities.json"
NVIDIA = "NVIDIA wheels"
VENDORED = "vendored in wheels"
_ORIGINS = {"deb": "Debian", "pypi": "PyPI"}


@dataclass(frozen=True)
class Place:
    """Where in the catalogue an image is: what exceptions and overrides are written for."""

    line: str
    stacks: tuple[str, ...]


@dataclass(frozen=True)
class Judges:
    """What every image is judged with; `database` is the reason where there is none."""

    policy: Policy
    excuses: Sequence[Excuse]
    database: VulnerabilityDatabase | str
    history: History
    today: datetime.date


@dataclass(frozen=True)
class Assessment:
    """What a database knows against a bill of materials.

    `findings` is None where nothing was assessed. `doubt` says why it is no proof, empty where it
    is.
    """

    database: Database | None
    origins: tuple[Origin, ...]
    findings: tuple[Judged, ...] | None
    problems: tuple[Problem, ...]
    doubt: str


def assess(document: Path, place: Place, judges: Judges) -> Assessment:
    """Judge a stored CycloneDX document; Trivy's own result is left beside it.

    Raises EnvironmentFailed where Trivy crashes, hangs, writes nothing or another shape than
    expected.
    """
    parsed = documents.read_document(document)
    packages, distribution = sbom.packages_of(parsed), sbom.distribution_of(parsed)
    held = judges.database
    if isinstance(held, str):
        return Assessment(
            None, origins(packages, {}), None, (), f"vulnerabilities not assessed: {held}"
        )
    result = trivy.vulnerabilities(document, held, document.with_name(RESULT))
    found = tuple(findings_of(result))
    rules = rules_of(place, judges, found)
    wrong = judge.exception_problems(rules, found, packages, partial(database.knows, held.file))
    counted = origins(packages, database.assesses(held.file, distribution))
    return Assessment(
        database=held.record,
        origins=counted,
        findings=judge.judge(found, rules),
        problems=documents.recorded((*wrong, *_end_of_life(result, distribution))),
        doubt=_too_old(held.record, judges) or _without_source(counted),
    )


def verdict_of(problems: Sequence[Problem], assessment: Assessment) -> tuple[Verdict, str]:
    """What blocks comes first; what was not assessed is never a pass."""
    every = (*problems, *assessment.problems)
    blocking = [
        each.finding for each in assessment.findings or () if each.standing is Standing.BLOCKS
    ]
    reasons = [in_one_line(every)] if every else []
    reasons += [_finding_reason(blocking)] if blocking else []
    refused = Verdict.FAIL if reasons else Verdict.PASS
    verdict = worst([refused, Verdict.INCONCLUSIVE if assessment.doubt else Verdict.PASS])
    return verdict, "; ".join(reasons) or assessment.doubt


def rules_of(place: Place, judges: Judges, found: Sequence[Finding]) -> Rules:
    """The policy as it stands for one image today."""
    history = judges.history.with_findings(found, judges.today)
    return Rules(
        grace=judges.policy.grace(place.line, place.stacks),
        excuses=[
            excuse for excuse in judges.excuses if excuse.applies_to(place.line, place.stacks)
        ],
        longest=judges.policy.exception_days,
        today=judges.today,
        fixed_on=partial(history.fixed_on, today=judges.today),
    )


def findings_of(result: object) -> Iterator[Finding]:
    """The vulnerabilities of a Trivy JSON result, each once. Raises EnvironmentFailed."""
    targets = documents.report_of(result).Results or ()
    yield from dict.fromkeys(
        _finding(found) for target in targets for found in target.Vulnerabilities or ()
    )


def _finding(found: documents.Vulnerability) -> Finding:
    """What is compared keeps hidden characters as escapes, what is only read loses them."""
    return Finding(
        id=printable(found.VulnerabilityID),
        purl=printable(found.PkgIdentifier.PURL, 1000),
        package=printable(found.PkgName),
        installed_version=printable(found.InstalledVersion),
        fixed_version=printable(found.FixedVersion),
        severity=printable(found.Severity, 20),
        title=clean_line(found.Title),
        published=_day(found.PublishedDate[:10]),
    )


def _day(text: str) -> str:
    """A date as ISO 8601 has it; nothing if it is none."""
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def origins(packages: Sequence[Package], sources: dict[str, str]) -> tuple[Origin, ...]:
    """How many packages come from where, and which advisory source of the database knows that
    place.

    NVIDIA publishes no advisories for its wheels in any source; a package index's advisories do not
    cover them.
    """
    counted = Counter(map(_origin, packages))
    known = {_ORIGINS[kind]: source for kind, source in sources.items() if kind in _ORIGINS}
    known |= {VENDORED: known["PyPI"]} if "PyPI" in known else {}
    return tuple(
        Origin(name, count, known.get(name, "")) for name, count in sorted(counted.items())
    )


def _origin(package: Package) -> str:
    if package.type != "pypi":
        return _ORIGINS.get(package.type, package.type)
    if package.name.lower().startswith("nvidia-"):
        return NVIDIA
    return "PyPI" if package.path else VENDORED


def _without_source(counted: Sequence[Origin]) -> str:
    """Debian and PyPI have sources: where the database lacks one, a zero would be a lie."""
    blind = [
        f"{origin.packages} {origin.name}"
        for origin in counted
        if not origin.source and origin.name != NVIDIA
    ]
    return f"the database has no advisories for {', '.join(blind)} packages" if blind else ""


def _too_old(record: Database, judges: Judges) -> str:
    days = (judges.today - datetime.datetime.fromisoformat(record.updated_at).date()).days
    if days <= judges.policy.database_days:
        return ""
    return f"the database is {days} days old, {judges.policy.database_days} are allowed"


def _end_of_life(result: object, distribution: str) -> Iterator[Problem]:
    """Nobody writes advisories for it any more: an empty list would look clean."""
    system = documents.report_of(result).Metadata.OS
    if system is not None and system.EOSL:
        what = "the distribution is past its end of life"
        yield Problem(
            "configuration", distribution, what, "move the line to a supported distribution"
        )


def _finding_reason(blocking: Sequence[Finding]) -> str:
    first = blocking[0]
    fix = f"{first.package} {first.installed_version} -> {first.fixed_version}"
    return f"{len(blocking)} findings block, first {first.id} ({first.severity.lower()}): {fix}"
