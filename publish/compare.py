"""Compare two releases of an image, from the layers and SBOMs in the registry."""

from __future__ import annotations

from images.catalog import Version
from publish.image_assessor import Bench
from publish.released.published import Published, find, manifest_of
from runner.errors import ConfigError
from scan import sbom
from scan.difference import Difference, Layer, Snapshot, difference


def compare(bench: Bench, image: str, versions: tuple[Version, Version]) -> Difference:
    """Return what changed in an image from one version to another.

    Both are judged by the same vulnerability database. Raises ConfigError if one is not released,
    or has no SBOM that a trusted key signed.
    """
    before, after = (
        find(bench.registry, bench.catalog, each, image, bench.trusted) for each in versions
    )
    return between(bench, before, after)


def between(bench: Bench, before: Published, after: Published) -> Difference:
    """Return what changed from one image to another, in whatever repositories they are.

    Raises ConfigError if one has no SBOM that a trusted key signed.
    """
    return difference(_snapshot(bench, before), _snapshot(bench, after))


def _snapshot(bench: Bench, image: Published) -> Snapshot:
    found = bench.assess(image)
    if found is None:
        raise ConfigError(
            f"{image.version} {image.image} has no SBOM that a trusted key signed",
            f"run `./release.py scan {image.version}`",
        )
    document, assessed = found
    layers = manifest_of(bench.registry, image).blobs()[1:]
    return Snapshot(
        version=str(image.version),
        digest=image.digest,
        packages=sbom.packages_of(document),
        findings=assessed.findings,
        layers=tuple(Layer(layer.digest, layer.size) for layer in layers),
    )
