"""Manifests from one repository to another with all they name, mounted where it can be: then no layer moves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from oci.manifest import Manifest
from oci.registry import Registry, RegistryError


def bring(registry: Registry, source: str, target: str, digest: str) -> Manifest:
    """A manifest of `source`, when all that it names is in `target`: blobs, and of an index its manifests.

    The manifest itself is not put: whoever asked says when it is seen. Raises RegistryError; then call again.
    """
    manifest = held(registry, source, digest)
    with readable(registry, source, digest):
        children, blobs = manifest.content.get("manifests", []), manifest.blobs()
        names = [str(child["digest"]) for child in children]
    for name in names:
        registry.put_manifest(target, name, bring(registry, source, target, name))
    registry.ensure_blobs(target, blobs, source)
    return manifest


def held(registry: Registry, repository: str, digest: str) -> Manifest:
    """A manifest that something names. Raises RegistryError where it is not there, or other bytes are."""
    found = registry.manifest(repository, digest)
    if found is None:
        raise RegistryError(404, f"{registry.host}/{repository}@{digest} is named there and is not there")
    if found.digest != digest:
        raise RegistryError(200, f"{registry.host}/{repository}@{digest}: other bytes were served")
    return found


@contextlib.contextmanager
def readable(registry: Registry, repository: str, reference: str) -> Iterator[None]:
    """What the registry serves was written by others, and may be anything."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        where = f"{registry.host}/{repository} {reference}"
        raise RegistryError(200, f"{where}: not as the specification has it ({error!r:.100})") from None
