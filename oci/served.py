"""Check that a registry serves all of an image.

If it does, and an engine cannot unpack the image, the image is at fault.
"""

from __future__ import annotations

from collections.abc import Iterator

from oci.manifest import Manifest, parse_descriptor
from oci.reference import parse_reference
from oci.registry import Registry
from runner.address import address_problem
from runner.errors import ReleaseError
from runner.untrusted import Malformed

DOCKER_HUB = "docker.io"
PLATFORM = ("linux", "amd64")


def is_served_whole(reference: str) -> bool:
    """Return whether the registry has the manifest of `reference`, and every blob in its size.

    Of an index, the images for this project's platform count; an index without any is whole. False
    if the registry does not answer.
    """
    first, _, rest = reference.partition("/")
    has_host = bool(rest) and (any(sign in first for sign in ".:") or first == "localhost")
    host = first if has_host else DOCKER_HUB
    name = rest if has_host else (reference if rest else f"library/{reference}")
    named = parse_reference(name, host)
    if named is None or not named.repository or address_problem(host):
        return False
    try:
        registry = Registry(host)
        manifest = registry.read_manifest(named.repository, named.digest or named.tag)
        return manifest is not None and all(_parts(registry, named.repository, manifest))
    except (ReleaseError, Malformed):
        return False


def _parts(registry: Registry, repository: str, manifest: Manifest) -> Iterator[bool]:
    """Yield for every part of an image whether it is there."""
    for blob in manifest.parse_blobs():
        yield registry.has_blob(repository, blob.digest, blob.size)
    for entry in manifest.index_entries():
        platform = entry.get("platform") if isinstance(entry, dict) else None
        named = platform if isinstance(platform, dict) else {}
        if (str(named.get("os")), str(named.get("architecture"))) == PLATFORM:
            image = registry.read_manifest(repository, parse_descriptor(entry).digest)
            yield image is not None and all(
                registry.has_blob(repository, blob.digest, blob.size)
                for blob in image.parse_blobs()
            )
