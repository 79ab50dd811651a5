"""Assessment of an SBOM: the findings of a vulnerability database, and the policy's verdict.

No image is needed.
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
    """Line and stacks of an image: exceptions and overrides are written for them."""

    line: str
    stacks: tuple[str, ...]


@dataclass(frozen=True)
class Judges:
    """Policy, exceptions, database and history of one run.

    `database` is a text if there is none: the reason.
    """

    policy: Policy
    excuses: Sequence[Excuse]
    database: VulnerabilityDatabase | str
    history: History
    today: datetime.date


@dataclass(frozen=True)
class Assessment:
    """Findings of a database for one SBOM.

    `findings` is None if nothing was assessed. `doubt` says why the assessment proves nothing; it
    is empty if it does.
    """

    database: Database | None
    origins: tuple[Origin, ...]
    findings: tuple[Judged, ...] | None
    problems: tuple[Problem, ...]
    doubt: str


def assess(document: Path, place: Place, judges: Judges) -> Assessment:
    """Return the findings for a stored CycloneDX document; Trivy's own result is left beside it.

    Raises EnvironmentFailed if Trivy crashes, hangs, or writes nothing or another shape than
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
        doubt=_doubt(held.record, counted, judges),
    )


def verdict_of(problems: Sequence[Problem], assessment: Assessment) -> tuple[Verdict, str]:
    """Return verdict and reason. An image that was not assessed never passes."""
    every = (*problems, *assessment.problems)
    blocking = [
        each.finding for each in assessment.findings or () if each.standing is Standing.BLOCKS
    ]
    reasons = [in_one_line(every)] if every else []
    if blocking:
        first = blocking[0]
        fix = f"{first.package} {first.installed_version} -> {first.fixed_version}"
        named = f"{first.id} ({first.severity.lower()}): {fix}"
        reasons.append(f"{len(blocking)} findings block, first {named}")
    refused = Verdict.FAIL if reasons else Verdict.PASS
    verdict = worst([refused, Verdict.INCONCLUSIVE if assessment.doubt else Verdict.PASS])
    return verdict, "; ".join(reasons) or assessment.doubt


def rules_of(place: Place, judges: Judges, found: Sequence[Finding]) -> Rules:
    """Return the policy's rules for one image today."""
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
    """Yield each vulnerability of a Trivy JSON result once.

    Raises EnvironmentFailed if the result has another shape than expected.
    """
    targets = documents.report_of(result).Results or ()
    yield from dict.fromkeys(
        _finding(found) for target in targets for found in target.Vulnerabilities or ()
    )


def _finding(found: documents.Vulnerability) -> Finding:
    """Return an advisory as a finding.

    Hidden characters become escapes in texts that are compared, and are removed from the title.
    """
    try:
        published = datetime.date.fromisoformat(found.PublishedDate[:10]).isoformat()
    except ValueError:
        published = ""
    return Finding(
        id=printable(found.VulnerabilityID),
        purl=printable(found.PkgIdentifier.PURL, 1000),
        package=printable(found.PkgName),
        installed_version=printable(found.InstalledVersion),
        fixed_version=printable(found.FixedVersion),
        severity=printable(found.Severity, 20),
        title=clean_line(found.Title),
        published=published,
    )


def origins(packages: Sequence[Package], sources: dict[str, str]) -> tuple[Origin, ...]:
    """Return the number of packages by origin, with the advisory source that covers the origin.

    No source covers NVIDIA's wheels: NVIDIA publishes no advisories for them, and those of PyPI do
    not include them.
    """
    counted: Counter[str] = Counter()
    for package in packages:
        if package.type != "pypi":
            name = _ORIGINS.get(package.type, package.type)
        elif package.name.lower().startswith("nvidia-"):
            name = NVIDIA
        else:
            name = "PyPI" if package.path else VENDORED
        counted[name] += 1
    known = {_ORIGINS[kind]: source for kind, source in sources.items() if kind in _ORIGINS}
    known |= {VENDORED: known["PyPI"]} if "PyPI" in known else {}
    return tuple(
        Origin(name, count, known.get(name, "")) for name, count in sorted(counted.items())
    )


def _doubt(record: Database, counted: Sequence[Origin], judges: Judges) -> str:
    """Return why no findings would prove nothing; empty if they would.

    The database is too old, or lacks a source for packages of an origin that has one.
    """
    days = (judges.today - datetime.datetime.fromisoformat(record.updated_at).date()).days
    if days > judges.policy.database_days:
        return f"the database is {days} days old, {judges.policy.database_days} are allowed"
    blind = [
        f"{origin.packages} {origin.name}"
        for origin in counted
        if not origin.source and origin.name != NVIDIA
    ]
    return f"the database has no advisories for {', '.join(blind)} packages" if blind else ""


def _end_of_life(result: object, distribution: str) -> Iterator[Problem]:
    """Yield a problem if the distribution gets no advisories any more: it would look clean."""
    system = documents.report_of(result).Metadata.OS
    if system is not None and system.EOSL:
        what = "the distribution is past its end of life"
        yield Problem(
            "configuration", distribution, what, "move the line to a supported distribution"
        )
