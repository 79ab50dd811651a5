"""Compare two releases of an image, from the layers and SBOMs in the registry."""

from __future__ import annotations

from images.catalog import Version
from publish.image_assessor import ImageAssessor
from publish.released.published import Published, find_published, read_manifest
from runner.errors import ConfigError
from scan import sbom
from scan.difference import Difference, LayerSize, Snapshot, compare_snapshots


def compare_versions(
    assessor: ImageAssessor, image: str, versions: tuple[Version, Version]
) -> Difference:
    """Return what changed in an image from one version to another.

    Both are judged by the same vulnerability database. Raises ConfigError if one is not released,
    or has no SBOM that a trusted key signed.
    """
    before, after = (
        find_published(assessor.registry, assessor.catalog, each, image, assessor.trusted)
        for each in versions
    )
    return compare_images(assessor, before, after)


def compare_images(assessor: ImageAssessor, before: Published, after: Published) -> Difference:
    """Return what changed from one image to another, in whatever repositories they are.

    Raises ConfigError if one has no SBOM that a trusted key signed.
    """
    return compare_snapshots(_take_snapshot(assessor, before), _take_snapshot(assessor, after))


def _take_snapshot(assessor: ImageAssessor, image: Published) -> Snapshot:
    found = assessor.assess_image(image)
    if found is None:
        raise ConfigError(
            f"{image.version} {image.image} has no SBOM that a trusted key signed",
            f"run `./release.py scan {image.version}`",
        )
    document, assessed = found
    layers = read_manifest(assessor.registry, image).parse_blobs()[1:]
    return Snapshot(
        version=str(image.version),
        digest=image.digest,
        packages=sbom.read_packages(document),
        findings=assessed.findings,
        layers=tuple(LayerSize(layer.digest, layer.size) for layer in layers),
    )
