"""Assessment of an SBOM: the findings of a vulnerability database, and the policy's verdict.

No image is needed.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from runner.moments import parse_moment
from runner.nouns import count_noun
from runner.untrusted import clean_line, escape_unprintable
from runner.verdict import Verdict, worst_verdict
from scan import canaries, database, documents, filed_names, judge, sbom, trivy
from scan.canaries import Canaries, load_canaries
from scan.filed_names import ExtendedSbom
from scan.history import History
from scan.judge import TriageRules
from scan.line_fixes import find_outside_fix
from scan.policy import LineException, Policy, PolicyException, split_purl
from scan.record import (
    Database,
    Finding,
    Origin,
    Package,
    ScanProblem,
    TriagedFinding,
    TriageStatus,
    summarise_problems,
)
from scan.trivy import VulnerabilityDatabase

RESULT = "vulnerabilities.json"
NVIDIA = "NVIDIA wheels"
VENDORED = "vendored in wheels"
_ORIGINS = {"deb": "Debian", "pypi": "PyPI"}


@dataclass(frozen=True)
class CatalogPlace:
    """Line and stacks of an image: exceptions and overrides are written for them."""

    line: str
    stacks: tuple[str, ...]


@dataclass(frozen=True)
class AssessmentContext:
    """Policy, exceptions, database, history and canaries of one run.

    `database` is a text if there is none: the reason.
    """

    policy: Policy
    excuses: Sequence[PolicyException]
    database: VulnerabilityDatabase | str
    history: History
    today: datetime.date
    canaries: Canaries = field(default_factory=load_canaries)
    line_excuses: Sequence[LineException] = ()

    def find_line_excuses(self, line: str) -> tuple[LineException, ...]:
        """Return the exceptions for advisories that no release of a line can fix."""
        return tuple(excuse for excuse in self.line_excuses if excuse.line == line)


@dataclass(frozen=True)
class Assessment:
    """Findings of a database for one SBOM.

    `findings` is None if nothing was assessed. `limitation` says why the assessment proves nothing;
    it is empty if it does.
    """

    database: Database | None
    origins: tuple[Origin, ...]
    findings: tuple[TriagedFinding, ...] | None
    problems: tuple[ScanProblem, ...]
    limitation: str


def assess_sbom(document: Path, place: CatalogPlace, context: AssessmentContext) -> Assessment:
    """Return the findings for a stored CycloneDX document; Trivy's own result is left beside it.

    Raises EnvironmentFailed if Trivy crashes, hangs, or writes nothing or another shape than
    expected.
    """
    parsed = documents.read_document(document)
    packages, distribution = sbom.read_packages(parsed), sbom.read_distribution(parsed)
    held = context.database
    if isinstance(held, str):
        return Assessment(
            None, count_origins(packages, {}), None, (), f"vulnerabilities not assessed: {held}"
        )
    with filed_names.add_names(document, context.canaries.filed_as) as extended:
        result = trivy.find_vulnerabilities(extended.document, held, document.with_name(RESULT))
    found = tuple(_give_own_names(tuple(read_findings(result)), extended))
    rules = triage_rules(place, context, found)
    wrong = judge.exception_problems(
        rules, found, packages, partial(database.knows_advisory, held.database_file)
    )
    counted = count_origins(packages, database.find_sources(held.database_file, distribution))
    return Assessment(
        database=held.record,
        origins=counted,
        findings=judge.triage_findings(found, rules),
        problems=documents.bound_problems((*wrong, *_end_of_life(result, distribution))),
        limitation=_find_limitation(held, counted, context, distribution),
    )


def verdict_of(problems: Sequence[ScanProblem], assessment: Assessment) -> tuple[Verdict, str]:
    """Return verdict and reason. An image that was not assessed never passes."""
    every = (*problems, *assessment.problems)
    blocking = [
        each.finding for each in assessment.findings or () if each.standing is TriageStatus.BLOCKS
    ]
    reasons = [summarise_problems(every)] if every else []
    for outside in (False, True):
        found = [each for each in blocking if bool(find_outside_fix(each)) is outside]
        if not found:
            continue
        first = found[0]
        fix = f"{first.package} {first.installed_version} -> {first.fixed_version}"
        named = f"first {first.id} ({first.severity.lower()}): {fix}"
        count = count_noun(len(found), "finding blocks", "findings block")
        unfixable = " that no release of the line can fix" if outside else ""
        reasons.append(f"{count}{unfixable}, {named}")
    refused = Verdict.FAIL if reasons else Verdict.PASS
    verdict = worst_verdict(
        [refused, Verdict.INCONCLUSIVE if assessment.limitation else Verdict.PASS]
    )
    return verdict, "; ".join(reasons) or assessment.limitation


def is_only_outside(assessment: Assessment) -> bool:
    """Return whether findings that no release of the line can fix are all that refuses an image."""
    blocking = [
        each.finding for each in assessment.findings or () if each.standing is TriageStatus.BLOCKS
    ]
    return bool(blocking) and not assessment.problems and all(map(find_outside_fix, blocking))


def triage_rules(
    place: CatalogPlace, context: AssessmentContext, found: Sequence[Finding]
) -> TriageRules:
    """Return the policy's rules for one image today."""
    history = context.history.with_findings(found, context.today)
    return TriageRules(
        grace=context.policy.grace_for(place.line, place.stacks),
        excuses=[
            excuse for excuse in context.excuses if excuse.applies_to(place.line, place.stacks)
        ],
        longest=context.policy.exception_days,
        today=context.today,
        fixed_on=partial(history.first_fix_day, today=context.today),
        line_excuses=context.find_line_excuses(place.line),
    )


def read_findings(result: object) -> Iterator[Finding]:
    """Yield each vulnerability of a Trivy JSON result once.

    Raises EnvironmentFailed if the result has another shape than expected.
    """
    targets = documents.parse_report(result).Results or ()
    yield from dict.fromkeys(
        _read_finding(found) for target in targets for found in target.Vulnerabilities or ()
    )


def _read_finding(found: documents.Vulnerability) -> Finding:
    """Return an advisory as a finding.

    Hidden characters become escapes in texts that are compared, and are removed from the title.
    """
    try:
        published = datetime.date.fromisoformat(found.PublishedDate[:10]).isoformat()
    except ValueError:
        published = ""
    return Finding(
        id=escape_unprintable(found.VulnerabilityID),
        purl=escape_unprintable(found.PkgIdentifier.PURL, 1000),
        package=escape_unprintable(found.PkgName),
        installed_version=escape_unprintable(found.InstalledVersion),
        fixed_version=escape_unprintable(found.FixedVersion),
        severity=escape_unprintable(found.Severity, 20),
        title=clean_line(found.Title),
        published=published,
    )


def count_origins(packages: Sequence[Package], sources: dict[str, str]) -> tuple[Origin, ...]:
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


def _give_own_names(found: Sequence[Finding], extended: ExtendedSbom) -> Iterator[Finding]:
    """Yield each finding once, with the name that its package has in the image."""
    yield from (each for each in found if extended.own_purl(each.purl) == each.purl)
    known = {(each.id, split_purl(each.purl)) for each in found}
    for each in found:
        purl = extended.own_purl(each.purl)
        if purl != each.purl and (each.id, split_purl(purl)) not in known:
            yield replace(each, purl=purl, package=split_purl(purl)[2])


def _find_limitation(
    held: VulnerabilityDatabase,
    counted: Sequence[Origin],
    context: AssessmentContext,
    distribution: str,
) -> str:
    """Return why no findings would prove nothing; empty if they would.

    The database is too old, lacks a source for packages of an origin that has one, or does not find
    a known advisory.
    """
    record = held.record
    days = (context.today - parse_moment(record.updated_at).date()).days
    if days > context.policy.database_days:
        limit = count_noun(context.policy.database_days, "day")
        return f"the database is {count_noun(days, 'day')} old; the limit is {limit}"
    blind = [
        f"{origin.packages} {origin.name}"
        for origin in counted
        if not origin.source and origin.name != NVIDIA
    ]
    if blind:
        return f"the database has no advisories for {', '.join(blind)} packages"
    grace = context.policy.canary_grace_days
    missed = canaries.find_missed(held, context.canaries, distribution, grace)
    return canaries.explain_missed(missed, record.updated_at)


def _end_of_life(result: object, distribution: str) -> Iterator[ScanProblem]:
    """Yield a problem if the distribution gets no advisories any more: it would look clean."""
    system = documents.parse_report(result).Metadata.OS
    if system is not None and system.EOSL:
        what = "the distribution is past its end of life"
        yield ScanProblem(
            "configuration", distribution, what, "move the line to a supported distribution"
        )
