"""Layers found by digest in any repository of the registry: staging, the cache or production."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from images.catalog import Repositories
from oci.manifest import Descriptor
from oci.registry import Registry, RegistryError
from oci.tarball import Blob
from runner.pool import worker_pool

WORKERS = 8
_NOT_ALLOWED = (401, 403)


@dataclass(frozen=True)
class HeldLayer:
    """A layer that is in a repository of the registry."""

    blob: Blob
    repository: str


def find_layers(
    registry: Registry, repositories: Repositories, blobs: Iterable[Blob]
) -> Mapping[Blob, HeldLayer]:
    """Return the repository of each layer, without layers that no repository of the catalogue has.

    A layer is identified by its digest alone. Raises RegistryError if the registry fails, or if a
    blob has another size than expected.
    """
    distinct = tuple(dict.fromkeys(blobs))
    with worker_pool(WORKERS) as pool:
        found = pool.map(lambda blob: find_layer(registry, repositories, blob), distinct)
        return {held.blob: held for held in found if held}


def find_layer(registry: Registry, repositories: Repositories, blob: Blob) -> HeldLayer | None:
    """Return the repository that holds a layer; None if no repository of the catalogue has it.

    Raises RegistryError as `find_layers` does.
    """
    for repository in (repositories.staging, repositories.cache):
        if registry.has_blob(repository, blob.digest, blob.size):
            return HeldLayer(blob, repository)
    try:
        is_held = registry.has_blob(repositories.production, blob.digest, blob.size)
    except RegistryError as error:
        if error.status not in _NOT_ALLOWED:  # an account that builds need not read production
            raise
        return None
    return HeldLayer(blob, repositories.production) if is_held else None


def has_all(registry: Registry, repository: str, blobs: Sequence[Descriptor]) -> bool:
    """Return whether a repository has every blob. Raises RegistryError as `find_layers` does."""
    with worker_pool(WORKERS) as pool:
        return all(
            pool.map(lambda blob: registry.has_blob(repository, blob.digest, blob.size), blobs)
        )
