"""The mark on a digest that nobody should use. It says what the journal does, and is not lost with that."""

from __future__ import annotations

import json

from oci import referrers
from oci.manifest import canonical
from oci.registry import Registry
from publish.tags.journal import Transaction

KIND = "application/vnd.pytorch-cuda-images.yank.v1+json"


def put(registry: Registry, repository: str, yanked: Transaction) -> None:
    """Attach to every digest of a yanked release that it is, and why. The same marks however often this is done."""
    for image, digest in dict.fromkeys((entry.image, entry.new) for entry in yanked.entries):
        if manifest := registry.manifest(repository, digest):
            said = {"version": yanked.version, "image": image, "reason": yanked.reason, "yankedAt": yanked.started_at}
            notes = {"org.opencontainers.image.created": yanked.started_at}
            referrers.attach(registry, repository, manifest.descriptor, KIND, [(KIND, canonical(said))], notes)


def read(registry: Registry, repository: str, digest: str) -> str:
    """Why a digest was yanked; empty where it was not. A mark that says nothing readable is one too."""
    found = referrers.referrers(registry, repository, digest, KIND)
    return "; ".join(_said(b"".join(referrers.fetch(registry, repository, each))) for each in found)


def _said(data: bytes) -> str:
    try:
        content = json.loads(data)
        return f"{content['version']} was yanked: {content['reason']}"
    except (ValueError, KeyError, TypeError):
        return "it was yanked"
