"""What is in one digest: Trivy's analysis of its layers, and what the image itself says."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from images.record import BuildRecord
from oci.registry import file_sha256
from runner import freshness, progress, records
from runner.errors import ConfigError, EnvironmentFailed
from runner.untrusted import clean_line
from scan import image_facts, sbom, trivy
from scan.documents import bill_of, report_of
from scan.image_facts import Inside
from scan.record import Package, Problem, Sbom, ScanRecord

INSIDE = "inside.json"


UNSEEN = Problem(
    "bill of materials", INSIDE, "nobody looked inside the image", "run the scan again"
)


@dataclass(frozen=True)
class Looked:
    """What a look inside found: facts, or why the image is closed."""

    facts: Inside | None
    closed: Problem | None


@dataclass(frozen=True)
class Contents:
    """`report` is Trivy's own: secrets, and the image's configuration.

    `inside` is the Problem where none can look.
    """

    sbom: Sbom
    packages: tuple[Package, ...]
    report: dict[str, Any]
    inside: Inside | Problem

    @property
    def config(self) -> dict[str, Any]:
        """The image's OCI configuration."""
        return report_of(self.report).Metadata.ImageConfig or {}


def contents_of(
    build: BuildRecord, registry: str, folder: Path, before: ScanRecord | None
) -> Contents:
    """Look into a digest; the documents are left in `folder`.

    What a digest holds never changes: what was found for the record `before` is used again where it
    is whole, and young enough to be signed again with its own date. Raises EnvironmentFailed where
    Trivy or the engine fails, or Trivy looked at other bytes.
    """
    reference = build.reference(registry)
    if not (_is_whole(before, build, folder) and _is_young(folder)):
        with progress.step(f"{build.image}: bill of materials"):
            trivy.analyse(reference, folder)
        with progress.step(f"{build.image}: a look inside"):
            _look(reference, folder / INSIDE)
    analysis = trivy.kept_analysis(folder)
    _require_bound(analysis.cyclonedx, build.digest)
    packages = sbom.packages_of(analysis.cyclonedx)
    found = _kept_look(folder) or Looked(None, None)
    return Contents(
        _sbom(folder, packages), packages, analysis.report, found.facts or found.closed or UNSEEN
    )


def _kept_look(folder: Path) -> Looked | None:
    """What was seen before; None where it is another version's, which only costs another look."""
    with contextlib.suppress(ConfigError):
        return records.read(Looked, folder / INSIDE)
    return None


def _look(reference: str, target: Path) -> None:
    found = image_facts.inside(reference)
    records.write(
        target, Looked(None, found) if isinstance(found, Problem) else Looked(found, None)
    )


def _is_whole(before: ScanRecord | None, build: BuildRecord, folder: Path) -> bool:
    if (
        before is None
        or before.sbom is None
        or before.digest != build.digest
        or before.scanner != trivy.version()
    ):
        return False
    path = folder / before.sbom.file
    others = (folder / name for name in (trivy.REPORT, before.sbom.spdx))
    whole = (
        path.exists()
        and file_sha256(path) == before.sbom.sha256
        and all(other.exists() for other in others)
    )
    return whole and _kept_look(folder) is not None


def _is_young(folder: Path) -> bool:
    return freshness.stands(bill_of(trivy.kept_analysis(folder).cyclonedx).metadata.timestamp)


def _require_bound(document: dict[str, Any], digest: str) -> None:
    """The bill of materials names the bytes it is about."""
    component = bill_of(document).metadata.component
    properties = component.properties if component else []
    named = [each.value for each in properties if each.name == "aquasecurity:trivy:RepoDigest"]
    if not any(name.endswith(f"@{digest}") for name in named):
        about = clean_line(f"{named or 'nothing'}")
        raise EnvironmentFailed(f"the bill of materials is about {about}, not {digest}", trivy.HINT)


def _sbom(folder: Path, packages: tuple[Package, ...]) -> Sbom:
    kinds = dict(sorted(Counter(package.type for package in packages).items()))
    return Sbom(trivy.SBOM, file_sha256(folder / trivy.SBOM), trivy.SPDX, kinds)
