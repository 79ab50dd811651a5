"""Record of the scan stage: out/VERSION/IMAGE/scan.json, with the SBOMs beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated

from images.field_types import require_form
from runner.nouns import count_noun
from runner.verdict import Verdict

MAX_SHOWN = 20
"""Problems of one sort that are named one by one; the rest is counted."""


FileName = Annotated[str, require_form(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", "the name of a file")]
"""The name of a file beside the record: no path, which could lead to any file of the machine."""


@dataclass(frozen=True)
class Package:
    """One package of an image.

    `purl` is its package URL with the version; `type` that of the URL (`deb`, `pypi`).

    `source` is Debian's source package, empty for others; `layer` the digest of the layer that
    holds it; `path` the metadata file it was read from. A Python package without a path is
    vendored: the SBOM inside a wheel (PEP 770) names it.
    """

    purl: str
    type: str
    name: str
    version: str
    source: str
    licences: tuple[str, ...]
    layer: str
    path: str = ""


class TriageStatus(StrEnum):
    """Status of a finding by the policy. Only `blocks` refuses an image."""

    BLOCKS = "blocks"
    GRACE = "in grace"
    EXCUSED = "excused"
    UNFIXED = "no fix"
    TOLERATED = "tolerated"


@dataclass(frozen=True)
class Finding:
    """One vulnerability in one package, as the database has it.

    `fixed_version` is empty if no fix exists. `published` is the day of the advisory (ISO 8601),
    empty if the database has none.
    """

    id: str
    purl: str
    package: str
    installed_version: str
    fixed_version: str
    severity: str
    title: str
    published: str


UNKNOWN = "unknown"
SEVERITIES = ("critical", "high", "medium", "low", UNKNOWN)


def severity_of(finding: Finding) -> str:
    """Return one of SEVERITIES; any other word becomes `unknown`."""
    word = finding.severity.lower()
    return word if word in SEVERITIES else UNKNOWN


def count_severities(findings: Iterable[Finding]) -> dict[str, int]:
    """Return the number of findings by severity, the most severe first; none are left out."""
    counted = Counter(map(severity_of, findings))
    return {severity: counted[severity] for severity in SEVERITIES if counted[severity]}


@dataclass(frozen=True)
class TriagedFinding:
    """A finding and its status by the policy.

    `until` is the day on which its grace or exception ends, `why` the rule in one line.
    `exception_until` is the last day of the exception that was written for it, also if that day is
    over; empty if there is none. All days are ISO 8601.
    """

    finding: Finding
    standing: TriageStatus
    until: str
    why: str
    exception_until: str = ""


@dataclass(frozen=True)
class ScanProblem:
    """A fault that refuses an image and is not a vulnerability.

    `kind` is one of `bill of materials`, `contents`, `secret`, `licence`, `configuration`,
    `dockerfile`, `budget`, `exception`; `where` a path, package or key; `what` the fact, with the
    expectation; `way_out` the remedy. `count` says how many problems this entry stands for: more
    than one if it counts those that are not named one by one.
    """

    kind: str
    where: str
    what: str
    way_out: str
    count: int = 1


def count_problems(problems: Sequence[ScanProblem]) -> int:
    """Return how many problems there are, including those that are only counted."""
    return sum(problem.count for problem in problems)


def limit_problems(problems: Sequence[ScanProblem]) -> list[ScanProblem]:
    """Return the first MAX_SHOWN problems of one sort, and one more that counts the rest.

    An image can have any number of them, and those of one sort must not crowd out the others.
    """
    if len(problems) <= MAX_SHOWN:
        return list(problems)
    rest = problems[MAX_SHOWN:]
    what = f"{len(rest):,} more, as {rest[0].where}"
    return [
        *problems[:MAX_SHOWN],
        replace(rest[0], where="and others", what=what, count=count_problems(rest)),
    ]


def summarise_problems(problems: Sequence[ScanProblem]) -> str:
    """Return the first problem and how many more there are. `problems` is not empty."""
    first, more = problems[0], count_problems(problems) - 1
    others = f", and {count_noun(more, 'more problem')}" if more else ""
    return f"{first.kind}: {first.where}: {first.what}{others}"


@dataclass(frozen=True)
class Sbom:
    """The SBOM: its files, and its number of packages by type of package URL (`deb`, `pypi`).

    `file` is CycloneDX, `spdx` the same as SPDX; both are JSON, beside the record.
    """

    file: FileName
    sha256: str
    spdx: FileName
    packages: dict[str, int]


@dataclass(frozen=True)
class Origin:
    """Packages of one origin, and the advisory source that covers them; empty if none does."""

    name: str
    packages: int
    source: str


@dataclass(frozen=True)
class Database:
    """The vulnerability database that was used.

    `updated_at` is ISO 8601 UTC, `sha256` that of trivy.db.
    """

    source: str
    sha256: str
    updated_at: str


@dataclass(frozen=True)
class ComparedContents:
    """How an image was compared with what it was assembled from.

    `known_layers` are those of the locks and the OS layer of the build, `foreign_layers` all
    others. `read_layers` were read path by path, and have `paths` together.
    """

    known_layers: int
    foreign_layers: int
    read_layers: int
    paths: int


@dataclass(frozen=True)
class ScanRecord:
    """Contents of one digest, and everything that is known against it.

    `database` and `findings` are None if there was no database: not assessed is not the same as no
    findings. `reason` names the first problem and finding that block; `problems` and `findings`
    hold all of them. `severities` is the number of findings by severity, `unknown` among them.
    `contents` is None if the image was not compared with what it was assembled from.
    """

    version: str
    image: str
    digest: str
    verdict: Verdict
    reason: str
    scanner: str
    sbom: Sbom | None
    database: Database | None
    origins: tuple[Origin, ...]
    findings: tuple[TriagedFinding, ...] | None
    problems: tuple[ScanProblem, ...]
    started_at: str
    seconds: float
    severities: dict[str, int] = field(default_factory=dict)
    contents: ComparedContents | None = None
