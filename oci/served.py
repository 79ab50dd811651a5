"""Check that a registry serves all of an image.

If it does, and an engine cannot unpack the image, the image is at fault.
"""

from __future__ import annotations

import time
from typing import Any

from oci.manifest import Manifest, parse_descriptor
from oci.reference import parse_reference
from oci.registry import Registry
from runner import progress
from runner.address import address_problem
from runner.errors import ReleaseError
from runner.nouns import count_noun
from runner.untrusted import Malformed

DOCKER_HUB = "docker.io"
PLATFORM = ("linux", "amd64")
MAX_WAIT_S = 300.0
MAX_BLOBS = 1000
"""No engine unpacks so many layers, served or not (overlayfs: 128): then the image is at fault."""


def is_served_whole(reference: str) -> bool:
    """Return whether the registry has the manifest of `reference`, and every blob in its size.

    Of an index, the first image for this project's platform counts, which the engine takes; an
    index without any is whole. False if the registry does not answer within MAX_WAIT_S.
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
        if manifest is None:
            return False
        listed = (each for each in manifest.index_entries() if _platform(each) == PLATFORM)
        if entry := next(listed, None):
            # the engine takes no index inside an index
            manifest = registry.read_manifest(named.repository, parse_descriptor(entry).digest)
        return manifest is not None and _has_blobs(registry, named.repository, manifest)
    except (ReleaseError, Malformed):
        return False


def _has_blobs(registry: Registry, repository: str, image: Manifest) -> bool:
    """Return whether all blobs of an image are there; each is asked for once."""
    blobs = {(blob.digest, blob.size) for blob in image.parse_blobs()}
    if len(blobs) > MAX_BLOBS:
        return True
    parts = count_noun(len(blobs), "part")
    progress.say_line(f"  the pull failed: asking the registry for {parts} of the image")
    deadline = time.monotonic() + MAX_WAIT_S
    return all(
        time.monotonic() < deadline and registry.has_blob(repository, digest, size)
        for digest, size in sorted(blobs)
    )


def _platform(entry: Any) -> tuple[str, str]:  # noqa: ANN401 - JSON
    platform = entry.get("platform") if isinstance(entry, dict) else None
    found = platform if isinstance(platform, dict) else {}
    return str(found.get("os")), str(found.get("architecture"))
