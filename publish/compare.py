"""Two releases of an image against each other, from what the registry holds of them."""

from __future__ import annotations

from images.catalog import Version
from publish.image_assessor import Bench
from publish.released.published import Published, find, manifest_of
from runner.errors import ConfigError
from scan import sbom
from scan.difference import Difference, Layer, Snapshot, difference


def compare(bench: Bench, image: str, versions: tuple[Version, Version]) -> Difference:
    """What changed in an image from one version to another, both judged by the same database."""
    before, after = (
        find(bench.registry, bench.catalog, each, image, bench.trusted) for each in versions
    )
    return between(bench, before, after)


def between(bench: Bench, before: Published, after: Published) -> Difference:
    """What changed from one image to another, wherever they are.

    Raises ConfigError where one has no trusted bill.
    """
    return difference(_snapshot(bench, before), _snapshot(bench, after))


def _snapshot(bench: Bench, image: Published) -> Snapshot:
    found = bench.assess(image)
    if found is None:
        raise ConfigError(
            f"no bill of materials of {image.version} {image.image} is signed by anybody trusted",
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
