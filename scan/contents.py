"""Contents of one digest: Trivy's analysis of its layers, and the facts of the image probe."""

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

UNSEEN = Problem("bill of materials", INSIDE, "the image was not probed", "run the scan again")


@dataclass(frozen=True)
class Looked:
    """Result of an image probe: facts, or the problem that prevents them."""

    facts: Inside | None
    closed: Problem | None


@dataclass(frozen=True)
class Contents:
    """Everything that is known of one digest.

    `report` is Trivy's own: secrets, and the image's configuration. `inside` is a Problem if the
    image cannot be probed.
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
    """Analyse and probe a digest; the documents are left in `folder`.

    A digest never changes. So the documents of the record `before` are used again if they are
    complete, and young enough to be signed again with their own date. Raises EnvironmentFailed if
    Trivy or the engine fails, or if Trivy analysed other bytes.
    """
    reference = build.reference(registry)
    if not _is_reusable(before, build, folder):
        with progress.step(f"{build.image}: SBOM"):
            trivy.analyse(reference, folder)
        with progress.step(f"{build.image}: image probe"):
            found = image_facts.inside(reference)
            result = Looked(None, found) if isinstance(found, Problem) else Looked(found, None)
            records.write(folder / INSIDE, result)
    analysis = trivy.kept_analysis(folder)
    _require_bound(analysis.cyclonedx, build.digest)
    packages = sbom.packages_of(analysis.cyclonedx)
    kinds = dict(sorted(Counter(package.type for package in packages).items()))
    kept = _kept_look(folder) or Looked(None, None)
    return Contents(
        Sbom(trivy.SBOM, file_sha256(folder / trivy.SBOM), trivy.SPDX, kinds),
        packages,
        analysis.report,
        kept.facts or kept.closed or UNSEEN,
    )


def _kept_look(folder: Path) -> Looked | None:
    """Return the stored result of a probe; None if another version wrote it, or nobody."""
    with contextlib.suppress(ConfigError):
        return records.read(Looked, folder / INSIDE)
    return None


def _is_reusable(before: ScanRecord | None, build: BuildRecord, folder: Path) -> bool:
    """Return whether the documents of `before` can be used again.

    They must be complete, of this digest, written by this scanner, and fresh.
    """
    if (
        before is None
        or before.sbom is None
        or before.digest != build.digest
        or before.scanner != trivy.version()
    ):
        return False
    path = folder / before.sbom.file
    others = (folder / name for name in (trivy.REPORT, before.sbom.spdx))
    return (
        path.exists()
        and file_sha256(path) == before.sbom.sha256
        and all(other.exists() for other in others)
        and _kept_look(folder) is not None
        and freshness.stands(bill_of(trivy.kept_analysis(folder).cyclonedx).metadata.timestamp)
    )


def _require_bound(document: dict[str, Any], digest: str) -> None:
    """Raise EnvironmentFailed if the SBOM does not name `digest` as its subject."""
    component = bill_of(document).metadata.component
    properties = component.properties if component else []
    named = [each.value for each in properties if each.name == "aquasecurity:trivy:RepoDigest"]
    if not any(name.endswith(f"@{digest}") for name in named):
        about = clean_line(f"{named or 'nothing'}")
        raise EnvironmentFailed(f"the SBOM is about {about}, not {digest}", trivy.HINT)
