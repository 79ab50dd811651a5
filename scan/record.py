"""What the scan stage hands on: out/VERSION/IMAGE/scan.json, with the SBOM beside it."""

from __future__ import annotations

from dataclasses import dataclass

from runner.verdict import Verdict


@dataclass(frozen=True)
class Finding:
    """One vulnerability in one package. `fixed_version` is empty where no fix exists."""

    id: str
    package: str
    installed_version: str
    fixed_version: str
    severity: str
    title: str


@dataclass(frozen=True)
class Sbom:
    """The bill of materials: where it is, and how many packages it lists by type of package URL (`deb`, `pypi`)."""

    file: str
    sha256: str
    packages: dict[str, int]


@dataclass(frozen=True)
class Database:
    """The vulnerability database that judged. `updated_at` is ISO 8601 UTC."""

    source: str
    updated_at: str


@dataclass(frozen=True)
class ScanRecord:
    """What is in one digest, and what is known against it.

    `database` and `findings` are None where no database was there: not assessed, which is not zero findings.
    """

    version: str
    image: str
    digest: str
    verdict: Verdict
    reason: str
    scanner: str
    sbom: Sbom | None
    database: Database | None
    findings: tuple[Finding, ...] | None
    started_at: str
    seconds: float
