"""Layers found again by content key, by any run on any machine, in the registry's cache repository.

A made layer is kept as a small OCI artifact under the tag `layer-KEY`: the layer itself, and as its configuration what
cannot be read off the blob without unpacking it.
"""

from __future__ import annotations

from dataclasses import dataclass

from images.record import DebianPackage
from oci.manifest import LAYER_GZIP, Descriptor, canonical, image_manifest
from oci.registry import Registry
from runner import records

FACTS_TYPE = "application/vnd.pytorch-cuda-images.layer.v1+json"
_TAG_HEX = 40


@dataclass(frozen=True)
class MadeLayer:
    """A layer in the registry. `source`, `packages` and `taken_at` are filled for the OS layer only.

    `taken_at` is when its packages were taken from Debian (ISO 8601); empty where that was not kept yet.
    """

    digest: str
    diff_id: str
    size: int
    source: str = ""
    packages: tuple[DebianPackage, ...] = ()
    taken_at: str = ""

    def descriptor(self) -> Descriptor:
        """As an image's manifest names it."""
        return Descriptor(LAYER_GZIP, self.digest, self.size)


def find(registry: Registry, repository: str, key: str) -> MadeLayer | None:
    """The layer with this content key; None where it was never made, or its blob is gone."""
    manifest = registry.manifest(repository, _tag(key))
    if manifest is None:
        return None
    config, layer = manifest.blobs()
    if not registry.has_blob(repository, layer.digest):
        return None
    return records.from_json(MadeLayer, registry.blob(repository, config.digest), f"{repository}:{_tag(key)}")


def keep(registry: Registry, repository: str, key: str, made: MadeLayer) -> None:
    """Make a pushed layer findable. The blob must be there already."""
    config = registry.push_bytes(repository, canonical(records.plain(made)), FACTS_TYPE)
    registry.put_manifest(repository, _tag(key), image_manifest(config, [made.descriptor()]))


def _tag(key: str) -> str:
    return f"layer-{key[:_TAG_HEX]}"
