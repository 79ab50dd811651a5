"""Two releases of an image against each other, from what the registry holds of them."""

from __future__ import annotations

import json
from pathlib import Path

from images.catalog import Catalog, Version
from oci.registry import Registry
from publish.published import Published, find, manifest_of
from runner import home
from runner.errors import ConfigError
from scan import assess, sbom, store
from scan.assess import Judges, Place
from scan.difference import Difference, Layer, Snapshot, difference


def compare(
    registry: Registry, catalog: Catalog, image: str, versions: tuple[Version, Version], judges: Judges
) -> Difference:
    """What changed in an image from one version to another, both judged by the same database."""
    before, after = (find(registry, catalog, each, image) for each in versions)
    return between(registry, catalog, before, after, judges)


def between(registry: Registry, catalog: Catalog, before: Published, after: Published, judges: Judges) -> Difference:
    """What changed from one image to another, wherever they are. Raises ConfigError where one has no stored bill."""
    return difference(*(_snapshot(registry, catalog, each, judges) for each in (before, after)))


def _snapshot(registry: Registry, catalog: Catalog, image: Published, judges: Judges) -> Snapshot:
    document = store.stored_sbom(registry, image.repository, image.digest)
    if document is None:
        raise ConfigError(
            f"no bill of materials of {image.version} {image.image} is stored",
            f"run `./release.py scan {image.version}`",
        )
    with home.scratch("compare") as folder:
        path = Path(folder) / "sbom.cdx.json"
        path.write_bytes(document)
        assessed = assess.assess(path, Place(image.version.line, catalog.stacks_of(image.image)), judges)
    layers = manifest_of(registry, image).blobs()[1:]
    return Snapshot(
        version=str(image.version),
        digest=image.digest,
        packages=sbom.packages_of(json.loads(document)),
        findings=assessed.findings,
        layers=tuple(Layer(layer.digest, layer.size) for layer in layers),
    )
