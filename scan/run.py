"""The scan stage: the SBOM of each digest, and what a database knows against it."""

from __future__ import annotations

import datetime
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from images.record import BuildRecord
from oci.registry import file_sha256
from runner import progress
from runner.verdict import Verdict
from scan import trivy
from scan.record import Finding, Sbom, ScanRecord
from scan.trivy import VulnerabilityDatabase

SBOM_FILE = "sbom.cdx.json"
NO_PACKAGES = "the SBOM lists no packages: nothing is known about this image"


def scan(
    build: BuildRecord,
    registry: str,
    folder: Path,
    database: VulnerabilityDatabase | str,
    before: ScanRecord | None = None,
) -> ScanRecord:
    """Scan one digest; `database` is the reason where there is none. Writes the SBOM into `folder`.

    The SBOM of a digest never changes: the one of the record `before` is used again where it is whole, and only
    judged anew. Raises EnvironmentFailed where Trivy crashes, hangs, or writes nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    started, clock = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), time.monotonic()
    sbom = _kept_sbom(before, build, folder) or _make_sbom(build, registry, folder)
    findings = None
    if isinstance(database, VulnerabilityDatabase) and sbom.packages:
        result = trivy.vulnerabilities(folder / sbom.file, database, folder / "vulnerabilities.json")
        findings = tuple(findings_of(result))
    verdict, reason = judge(sbom, findings, database)
    return ScanRecord(
        version=build.version,
        image=build.image,
        digest=build.digest,
        verdict=verdict,
        reason=reason,
        scanner=trivy.version(),
        sbom=sbom,
        database=database.record if isinstance(database, VulnerabilityDatabase) else None,
        findings=findings,
        started_at=started,
        seconds=round(time.monotonic() - clock, 2),
    )


def _make_sbom(build: BuildRecord, registry: str, folder: Path) -> Sbom:
    path = folder / SBOM_FILE
    with progress.step(f"{build.image}: SBOM"):
        document = trivy.bill_of_materials(build.reference(registry), path)
    return Sbom(path.name, file_sha256(path), packages_by_kind(document))


def _kept_sbom(before: ScanRecord | None, build: BuildRecord, folder: Path) -> Sbom | None:
    if before is None or before.sbom is None or before.digest != build.digest or before.scanner != trivy.version():
        return None
    path = folder / before.sbom.file
    return before.sbom if path.exists() and file_sha256(path) == before.sbom.sha256 else None


def judge(
    sbom: Sbom, findings: tuple[Finding, ...] | None, database: VulnerabilityDatabase | str
) -> tuple[Verdict, str]:
    """Critical findings that have a fix block; what was not assessed is never a pass."""
    if not sbom.packages:
        return Verdict.FAIL, NO_PACKAGES
    if findings is None:
        return Verdict.INCONCLUSIVE, f"vulnerabilities not assessed: {database}"
    blocking = [finding for finding in findings if finding.severity == "CRITICAL" and finding.fixed_version]
    if blocking:
        first = blocking[0]
        fix = f"{first.package} {first.installed_version} -> {first.fixed_version}"
        return Verdict.FAIL, f"{len(blocking)} critical vulnerabilities have a fix, first {first.id}: {fix}"
    return Verdict.PASS, ""


def packages_by_kind(document: dict[str, Any]) -> dict[str, int]:
    """How many packages a CycloneDX document lists, by the type of their package URL: `deb`, `pypi`."""
    urls = (component.get("purl", "") for component in document.get("components", ()))
    kinds = (url.removeprefix("pkg:").partition("/")[0] for url in urls if url)
    return dict(sorted(Counter(kinds).items()))


def findings_of(result: dict[str, Any]) -> Iterator[Finding]:
    """The vulnerabilities of a Trivy JSON result."""
    for target in result.get("Results") or ():
        for found in target.get("Vulnerabilities") or ():
            yield Finding(
                id=found["VulnerabilityID"],
                package=found["PkgName"],
                installed_version=found["InstalledVersion"],
                fixed_version=found.get("FixedVersion", ""),
                severity=found.get("Severity", "UNKNOWN"),
                title=found.get("Title", ""),
            )
