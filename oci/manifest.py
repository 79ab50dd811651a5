"""OCI image manifests and configurations as bytes (OCI Image Format Specification 1.1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"

EMPTY_CONFIG = b"{}"


def sha256(data: bytes) -> str:
    """The digest of `data`: `sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Descriptor:
    """A reference to content by digest; `size` in bytes."""

    media_type: str
    digest: str
    size: int

    def plain(self) -> dict[str, str | int]:
        """As it stands in a manifest."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True)
class Manifest:
    """A manifest as raw bytes, which are its identity, and the media type it is served with."""

    body: bytes
    media_type: str

    @property
    def digest(self) -> str:
        """The digest of the raw bytes."""
        return sha256(self.body)

    @property
    def content(self) -> dict[str, Any]:
        """The manifest, parsed."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def descriptor(self) -> Descriptor:
        """A reference to this manifest."""
        return Descriptor(self.media_type, self.digest, len(self.body))

    def blobs(self) -> tuple[Descriptor, ...]:
        """The configuration and the layers, in order; none of an index."""
        content = self.content
        if "manifests" in content:
            return ()
        entries = [content["config"], *content["layers"]]
        return tuple(Descriptor(entry["mediaType"], entry["digest"], entry["size"]) for entry in entries)


def image_manifest(
    config: Descriptor,
    layers: Sequence[Descriptor],
    annotations: Mapping[str, str] | None = None,
    artifact_type: str = "",
    subject: Descriptor | None = None,
) -> Manifest:
    """An OCI image manifest, the same bytes for the same arguments; with a `subject`, an artifact that refers to it."""
    content: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.plain(),
        "layers": [layer.plain() for layer in layers],
    }
    if artifact_type:
        content["artifactType"] = artifact_type
    if subject:
        content["subject"] = subject.plain()
    if annotations:
        content["annotations"] = dict(annotations)
    return Manifest(canonical(content), OCI_MANIFEST)


def canonical(content: object) -> bytes:
    """JSON with sorted keys and no spaces."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
