"""Layers by digest, wherever the registry holds them: in staging, the cache or production."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from images.catalog import Repositories
from oci.manifest import Descriptor
from oci.registry import Registry, RegistryError
from oci.tarball import Blob

WORKERS = 8
_NOT_ALLOWED = (401, 403)


@dataclass(frozen=True)
class Held:
    """A layer that is in a repository of the registry."""

    blob: Blob
    repository: str


def find_all(
    registry: Registry, repositories: Repositories, blobs: Iterable[Blob]
) -> Mapping[Blob, Held]:
    """Return where each layer is held; those that no repository of the catalogue has are left out.

    Only the digest says which bytes a layer is. Raises RegistryError, also if a blob has another
    size than it should.
    """
    distinct = tuple(dict.fromkeys(blobs))
    with ThreadPoolExecutor(WORKERS) as pool:
        found = pool.map(lambda blob: find(registry, repositories, blob), distinct)
        return {held.blob: held for held in found if held}


def find(registry: Registry, repositories: Repositories, blob: Blob) -> Held | None:
    """Return where a layer is held; None if no repository of the catalogue has it.

    Raises as `find_all`.
    """
    for repository in (repositories.staging, repositories.cache):
        if registry.has_blob(repository, blob.digest, blob.size):
            return Held(blob, repository)
    if _is_readable_in(registry, repositories.production, blob):
        return Held(blob, repositories.production)
    return None


def has_all(registry: Registry, repository: str, blobs: Sequence[Descriptor]) -> bool:
    """Whether a repository has every blob. Raises as `find_all`."""
    with ThreadPoolExecutor(WORKERS) as pool:
        return all(
            pool.map(lambda blob: registry.has_blob(repository, blob.digest, blob.size), blobs)
        )


def _is_readable_in(registry: Registry, repository: str, blob: Blob) -> bool:
    """An account that builds need not be allowed to read production."""
    try:
        return registry.has_blob(repository, blob.digest, blob.size)
    except RegistryError as error:
        if error.status not in _NOT_ALLOWED:
            raise
        return False
