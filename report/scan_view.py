"""What a report shows of a scan: packages, and what is known against them."""

from __future__ import annotations

from collections import Counter

from report import units
from report.escape import one_line
from report.model import Fact, FindingRow, FindingsView, Mark, StageView
from report.stages import NOT_REACHED
from runner.verdict import Verdict
from scan.record import Database, Finding, Sbom, ScanRecord

NOT_ASSESSED = "not assessed"
SEVERITIES = ("critical", "high", "medium", "low", "unknown")
PACKAGE_KINDS = {"deb": "Debian", "pypi": "Python"}

_URGENT = ("critical", "high")


def scan_stage(record: ScanRecord | None) -> StageView:
    """How the scan ended; without a database that is `not assessed`, whatever the record claims."""
    if record is None:
        return NOT_REACHED
    found = findings_view(record)
    claimed = Mark(record.verdict)
    mark = claimed if found.assessed or record.verdict in (Verdict.FAIL, Verdict.INFRA) else Mark(NOT_ASSESSED)
    return StageView(mark, found.line, one_line(record.reason))


def assessed(record: ScanRecord) -> bool:
    """Whether a database judged this image: an empty list of findings without one says nothing."""
    return record.findings is not None and (record.database is not None or bool(record.findings))


def findings_view(record: ScanRecord | None) -> FindingsView:
    """Findings by severity, most severe first."""
    if record is None:
        return FindingsView(False, "not run", (), (), (), "")
    if not assessed(record) or record.findings is None:
        return FindingsView(False, f"vulnerabilities {NOT_ASSESSED}", (), (), (), record.scanner)
    rows = tuple(map(_finding, sorted(record.findings, key=_severe_first)))
    found = Counter(row.mark.word for row in rows)
    return FindingsView(
        assessed=True,
        line=_severities(found),
        counts=tuple((Mark(severity), found[severity]) for severity in SEVERITIES),
        urgent=tuple(row for row in rows if row.mark.word in _URGENT),
        others=tuple(row for row in rows if row.mark.word not in _URGENT),
        scanner=f"{record.scanner}, {_database(record.database)}",
    )


def _finding(finding: Finding) -> FindingRow:
    return FindingRow(
        mark=Mark(severity(finding)),
        id=finding.id,
        package=finding.package,
        installed=finding.installed_version,
        fixed=finding.fixed_version or "no fix yet",
        title=finding.title,
    )


def severity(finding: Finding) -> str:
    """One of SEVERITIES; a word that is none of them is `unknown`."""
    word = finding.severity.lower()
    return word if word in SEVERITIES else SEVERITIES[-1]


def _severe_first(finding: Finding) -> tuple[int, str, str]:
    return SEVERITIES.index(severity(finding)), finding.package, finding.id


def _severities(found: Counter[str]) -> str:
    line = ", ".join(f"{found[severity]} {severity}" for severity in SEVERITIES if found[severity])
    return line or "0 findings"


def _database(database: Database | None) -> str:
    if database is None:
        return "database unknown"
    return f"database {database.source} of {units.moment(database.updated_at)}"


def package_facts(sbom: Sbom | None) -> tuple[Fact, ...]:
    """How many packages of which kind, most first."""
    kinds = sorted((sbom.packages if sbom else {}).items(), key=lambda kind: (-kind[1], kind[0]))
    return tuple(Fact(PACKAGE_KINDS.get(kind, kind), f"{count:,}") for kind, count in kinds)


def sbom_line(sbom: Sbom | None) -> str:
    """How many packages are listed, and where."""
    if sbom is None:
        return ""
    total = units.plural(sum(sbom.packages.values()), "package")
    return f"{total} listed in {sbom.file}, sha256 {sbom.sha256[: units.SHORT_HEX]}"
