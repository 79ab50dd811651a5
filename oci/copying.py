"""Copy manifests from one repository to another with all they name.

Blobs are mounted if possible: then none moves.
"""

from __future__ import annotations

from oci.manifest import Manifest
from oci.registry import Registry, RegistryError, report_malformed

__all__ = ["copy_contents", "require_manifest"]

MAX_DEPTH = 3
"""Levels of manifests: an index lists manifests, and some list indexes. More are not followed."""


def copy_contents(
    registry: Registry, source: str, target: str, digest: str, levels: int = MAX_DEPTH
) -> Manifest:
    """Copy all that a manifest of `source` names into `target`, and return the manifest.

    These are its blobs, and the manifests that an index lists. The manifest itself is not put: the
    caller decides when it becomes visible. Raises RegistryError; then call again.
    """
    manifest = require_manifest(registry, source, digest)
    with report_malformed(registry, source, digest):
        children, blobs = manifest.parse_children(), manifest.parse_blobs()
    if children and levels == 0:
        raise RegistryError(
            200,
            f"{registry.host}/{source}@{digest}: indexes that are nested deeper than {MAX_DEPTH}",
        )
    for child in children:
        registry.put_manifest(
            target, child.digest, copy_contents(registry, source, target, child.digest, levels - 1)
        )
    registry.ensure_blobs(target, blobs, source)
    return manifest


def require_manifest(registry: Registry, repository: str, digest: str) -> Manifest:
    """Return a manifest that another document names.

    Raises RegistryError if it is not there, or if other bytes are.
    """
    found = registry.read_manifest(repository, digest)
    if found is None:
        raise RegistryError(
            404, f"{registry.host}/{repository}@{digest} is referred to, but is not there"
        )
    return found
