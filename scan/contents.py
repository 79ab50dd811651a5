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
from scan import image_facts, sbom, sbom_completion, trivy
from scan.documents import parse_cyclonedx, parse_report
from scan.image_facts import ImageFacts
from scan.record import Package, Sbom, ScanProblem, ScanRecord
from scan.sbom_completion import ReleasedImage

INSIDE = "inside.json"

UNSEEN = ScanProblem("bill of materials", INSIDE, "the image was not probed", "run the scan again")


@dataclass(frozen=True)
class ProbeResult:
    """Result of an image probe: facts, or the problem that prevents them."""

    facts: ImageFacts | None
    closed: ScanProblem | None


@dataclass(frozen=True)
class ImageContents:
    """Everything that is known of one digest.

    `report` is Trivy's own: secrets, and the image's configuration. `inside` is a ScanProblem if
    the image cannot be probed.
    """

    sbom: Sbom
    packages: tuple[Package, ...]
    report: dict[str, Any]
    inside: ImageFacts | ScanProblem

    @property
    def image_config(self) -> dict[str, Any]:
        """The image's OCI configuration."""
        return parse_report(self.report).Metadata.ImageConfig or {}


def inspect_image(
    build: BuildRecord,
    registry: str,
    folder: Path,
    before: ScanRecord | None,
    released: ReleasedImage | None = None,
) -> ImageContents:
    """Analyse and probe a digest; the documents are left in `folder`.

    A digest never changes. So the documents of the record `before` are used again if they are
    complete, and young enough to be signed again with their own date. `released` is what the SBOMs
    call the image; without it they are left as Trivy writes them. Raises EnvironmentFailed if
    Trivy or the engine fails, or if Trivy analysed other bytes.
    """
    reference = build.image_reference(registry)
    if not _is_reusable(before, build, folder):
        with progress.show_step(f"{build.image}: SBOM"):
            trivy.analyse_image(reference, folder)
            if released:
                sbom_completion.complete_documents(folder, build, released)
        with progress.show_step(f"{build.image}: image probe"):
            found = image_facts.probe_image(reference)
            result = (
                ProbeResult(None, found)
                if isinstance(found, ScanProblem)
                else ProbeResult(found, None)
            )
            records.write_record(folder / INSIDE, result)
    analysis = trivy.read_analysis(folder)
    component = parse_cyclonedx(analysis.cyclonedx).metadata.component
    properties = component.properties if component else []
    named = [each.value for each in properties if each.name == "aquasecurity:trivy:RepoDigest"]
    if not any(name.endswith(f"@{build.digest}") for name in named):
        about = clean_line(f"{named or 'nothing'}")
        raise EnvironmentFailed(f"the SBOM is about {about}, not {build.digest}", trivy.HINT)
    packages = sbom.read_packages(analysis.cyclonedx)
    kinds = dict(sorted(Counter(package.type for package in packages).items()))
    kept = _read_kept_probe(folder) or ProbeResult(None, None)
    return ImageContents(
        Sbom(trivy.SBOM, file_sha256(folder / trivy.SBOM), trivy.SPDX, kinds),
        packages,
        analysis.report,
        kept.facts or kept.closed or UNSEEN,
    )


def _read_kept_probe(folder: Path) -> ProbeResult | None:
    """Return the stored result of a probe; None if another version wrote it, or nobody."""
    with contextlib.suppress(ConfigError):
        return records.read_record(ProbeResult, folder / INSIDE)
    return None


def _is_reusable(before: ScanRecord | None, build: BuildRecord, folder: Path) -> bool:
    """Return whether the documents of `before` can be used again.

    They must be complete, of this digest, written by this scanner with today's rules, and fresh.
    """
    if (
        before is None
        or before.sbom is None
        or before.digest != build.digest
        or before.scanner != trivy.scanner_version()
    ):
        return False
    path = folder / before.sbom.file
    others = (folder / name for name in (trivy.REPORT, before.sbom.spdx))
    return (
        path.exists()
        and file_sha256(path) == before.sbom.sha256
        and all(other.exists() for other in others)
        and (folder / trivy.REPORT).stat().st_mtime >= trivy.SECRET_RULES.stat().st_mtime
        and _read_kept_probe(folder) is not None
        and freshness.is_fresh(
            parse_cyclonedx(trivy.read_analysis(folder).cyclonedx).metadata.timestamp
        )
    )
