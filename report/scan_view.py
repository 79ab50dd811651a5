"""The part of a report about a scan: packages, problems, and known vulnerabilities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from report import units
from report.escape import one_line
from report.model import (
    CountRow,
    DocumentView,
    Fact,
    FindingRow,
    FindingsView,
    Mark,
    OriginView,
    ProblemGroup,
    StageView,
    StandingView,
)
from report.stages import NOT_REACHED, limit_verdict
from runner.nouns import count_noun
from runner.verdict import Verdict
from scan import judge, vex
from scan.record import (
    SEVERITIES,
    UNKNOWN,
    ComparedContents,
    Database,
    Origin,
    Sbom,
    ScanProblem,
    ScanRecord,
    TriagedFinding,
    TriageStatus,
    count_problems,
    count_severities,
    severity_of,
)

NOT_ASSESSED = "not assessed"
NO_SOURCE = "no advisory source"
PACKAGE_KINDS = {"deb": "Debian", "pypi": "Python"}

# The words of a line of counts: `2 blocking, 1 in grace`.
_COUNTED = {
    TriageStatus.BLOCKS: "blocking",
    TriageStatus.GRACE: "in grace",
    TriageStatus.EXCUSED: "excused",
    TriageStatus.UNFIXED: "without a fix",
    TriageStatus.TOLERATED: "tolerated",
}
# The title of the last column, for the standings that have one.
_NOTES = {
    TriageStatus.BLOCKS: "What to do",
    TriageStatus.GRACE: "Until",
    TriageStatus.EXCUSED: "Until",
}
_OPEN = (TriageStatus.BLOCKS, TriageStatus.GRACE)
_OPEN_PROBLEMS = 20


def scan_stage(record: ScanRecord | None) -> StageView:
    """Return the result of the scan; without a database it is never better than `not assessed`."""
    if record is None:
        return NOT_REACHED
    blocks = any(each.standing is TriageStatus.BLOCKS for each in record.findings or ())
    refused = bool(record.problems) or blocks
    claimed = limit_verdict(record.verdict, [Verdict.FAIL if refused else Verdict.PASS])
    judged = is_assessed(record) or claimed in (Verdict.FAIL, Verdict.INFRA)
    parts = [count_noun(count_problems(record.problems), "problem")] if record.problems else []
    blind = sum(origin.packages for origin in record.origins if not origin.source)
    if is_assessed(record):
        parts.append(_findings_line(record))
        parts += [f"{blind:,} more without an advisory source"] if blind else []
    elif judged:
        parts.append(f"vulnerabilities {NOT_ASSESSED}")
    mark = Mark(claimed if judged else NOT_ASSESSED)
    return StageView(mark, "; ".join(parts), one_line(record.reason))


def is_assessed(record: ScanRecord) -> bool:
    """Return whether a database assessed this image.

    An empty list of findings proves nothing if no advisory source knows any package.
    """
    sources = record.database is not None and any(origin.source for origin in record.origins)
    return record.findings is not None and (sources or bool(record.findings))


def _findings_line(record: ScanRecord) -> str:
    """Return the findings counted.

    A zero names the number of packages that were assessed, and why it proves nothing if so.
    """
    if not record.findings:
        judged = sum(origin.packages for origin in record.origins if origin.source)
        zero = f"0 findings in {count_noun(judged, 'package')} assessed"
        proven = record.verdict is not Verdict.INCONCLUSIVE
        return zero if proven else f"{zero}, which proves nothing: {one_line(record.reason)}"
    counts = Counter(each.standing for each in record.findings)
    parts = [
        f"{counts[standing]:,} {word}" for standing, word in _COUNTED.items() if counts[standing]
    ]
    unrated = count_severities(each.finding for each in record.findings).get(UNKNOWN)
    return ", ".join([*parts, *([f"{unrated:,} of them of unknown severity"] if unrated else [])])


def findings_view(record: ScanRecord | None) -> FindingsView:
    """Return findings by standing, blocking ones first, in each the most severe first."""
    if record is None:
        return FindingsView(False, "not run", "", (), (), (), (), ())
    known = is_assessed(record)
    judged = (record.findings or ()) if known else ()
    standings = tuple(
        view for standing in TriageStatus if (view := _view_standing(standing, judged)).rows
    )
    return FindingsView(
        assessed=known,
        line=_findings_line(record) if known else f"vulnerabilities {NOT_ASSESSED}",
        coverage=_describe_coverage(record.origins, known),
        origins=_view_origins(record.origins, known),
        severities=tuple(map(Mark, SEVERITIES)),
        counts=_count_findings(judged),
        standings=standings,
        facts=tuple(
            fact
            for fact in (
                Fact("Scanner", record.scanner),
                Fact("Contents", describe_contents(record.contents)),
                *_database_facts(record.database, record.started_at),
            )
            if fact.value
        ),
    )


def describe_contents(compared: ComparedContents | None) -> str:
    """Return how much of an image was compared with what it was assembled from, in words."""
    if compared is None:
        return ""
    known = f"{count_noun(compared.known_layers, 'layer')} as locked or built"
    foreign = f"{compared.foreign_layers:,} of none" if compared.foreign_layers else ""
    read = f"{count_noun(compared.paths, 'path')} compared one by one"
    return ", ".join(filter(None, (known, foreign, read)))


def _view_standing(standing: TriageStatus, judged: Iterable[TriagedFinding]) -> StandingView:
    found = sorted(
        (each for each in judged if each.standing is standing),
        key=lambda each: (
            SEVERITIES.index(severity_of(each.finding)),
            each.finding.package,
            each.finding.id,
        ),
    )
    severities = Counter(severity_of(each.finding) for each in found)
    return StandingView(
        title=standing.capitalize(),
        css=standing.name.lower(),
        line=", ".join(f"{severities[one]:,} {one}" for one in SEVERITIES if severities[one]),
        note=_NOTES.get(standing, ""),
        folded=standing not in _OPEN,
        rows=tuple(map(_finding_row, found)),
    )


def _finding_row(judged: TriagedFinding) -> FindingRow:
    finding, blocks = judged.finding, judged.standing is TriageStatus.BLOCKS
    note = judged.until
    if blocks:
        try:
            note = judge.suggest_fix(finding)
        except ValueError:  # a malformed package URL does not hide the finding
            note = f"update {finding.package} to {finding.fixed_version}"
    return FindingRow(
        mark=Mark(severity_of(finding)),
        id=finding.id,
        package=finding.package,
        installed=finding.installed_version,
        fixed=finding.fixed_version or "no fix yet",
        title=finding.title,
        note=note,
        why=f"{judged.why}, ended on {judged.until}" if blocks else judged.why,
    )


def _count_findings(judged: Sequence[TriagedFinding]) -> tuple[CountRow, ...]:
    """Return counts by standing and severity, with a sum if there is more than one standing."""
    found = Counter((each.standing, severity_of(each.finding)) for each in judged)
    rows = [
        _count_row(standing.capitalize(), [found[standing, one] for one in SEVERITIES])
        for standing in TriageStatus
    ]
    rows = [row for row in rows if row.total]
    every = _count_row(
        "All", [sum(row.counts[place] for row in rows) for place in range(len(SEVERITIES))]
    )
    return (*rows, every) if len(rows) > 1 else tuple(rows)


def _count_row(title: str, counts: Sequence[int]) -> CountRow:
    return CountRow(title, tuple(counts), sum(counts))


def _describe_coverage(origins: Sequence[Origin], known: bool) -> str:
    """Return `31 Debian, 97 PyPI assessed; 14 NVIDIA wheels: no advisory source`."""
    judged = [f"{origin.packages:,} {origin.name}" for origin in origins if known and origin.source]
    blind = [
        f"{origin.packages:,} {origin.name}" for origin in origins if not (known and origin.source)
    ]
    parts = [f"{', '.join(judged)} assessed"] if judged else []
    parts += [f"{', '.join(blind)}: {NO_SOURCE if known else NOT_ASSESSED}"] if blind else []
    return "; ".join(parts)


def _view_origins(origins: Sequence[Origin], known: bool) -> tuple[OriginView, ...]:
    """Return all origins, assessed ones first."""
    views = (
        OriginView(
            f"{origin.packages:,}",
            origin.name,
            (origin.source or NO_SOURCE) if known else NOT_ASSESSED,
            known and bool(origin.source),
        )
        for origin in origins
    )
    return tuple(sorted(views, key=lambda view: not view.assessed))


def _database_facts(database: Database | None, scanned_at: str) -> tuple[Fact, ...]:
    if database is None:
        return (Fact("Database", "none"),)
    days = units.days_between(database.updated_at, scanned_at)
    age = f", {count_noun(days, 'day')} old at the scan" if days is not None else ""
    return (
        Fact("Database", database.source),
        Fact("Updated", f"{units.format_time(database.updated_at)}{age}"),
        Fact(
            "Database digest",
            units.shorten_digest(f"sha256:{database.sha256}") if database.sha256 else "",
        ),
    )


def problem_groups(problems: Iterable[ScanProblem]) -> tuple[ProblemGroup, ...]:
    """Return problems grouped by kind, in the order in which the kinds first occur."""
    groups: dict[str, list[ScanProblem]] = {}
    for problem in problems:
        groups.setdefault(problem.kind, []).append(problem)
    return tuple(
        ProblemGroup(kind, len(found) > _OPEN_PROBLEMS, tuple(found), count_problems(found))
        for kind, found in groups.items()
    )


def package_facts(sbom: Sbom | None) -> tuple[Fact, ...]:
    """Return the number of packages of each kind, the largest first."""
    kinds = sorted((sbom.packages if sbom else {}).items(), key=lambda kind: (-kind[1], kind[0]))
    return tuple(Fact(PACKAGE_KINDS.get(kind, kind), f"{count:,}") for kind, count in kinds)


def list_documents(record: ScanRecord | None) -> tuple[DocumentView, ...]:
    """Return the documents of a scan, by their paths beside the report.

    OpenVEX is among them only if a finding is excused.
    """
    if record is None or record.sbom is None:
        return ()
    digest = units.shorten_digest(f"sha256:{record.sbom.sha256}")
    found = [DocumentView("CycloneDX", f"{record.image}/{record.sbom.file}", digest)]
    found += [DocumentView("SPDX", f"{record.image}/{record.sbom.spdx}", "")]
    if any(each.standing is TriageStatus.EXCUSED for each in record.findings or ()):
        found.append(DocumentView("OpenVEX", f"{record.image}/{vex.FILE}", ""))
    return tuple(found)
