"""OCI image manifests and configurations as bytes (OCI Image Format Specification 1.1).

What a registry serves is parsed here and nowhere else: `parse_manifest` and `parse_descriptor` are
strict, and raise Malformed for everything that the specification does not allow.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from oci.reference import is_digest
from runner.redaction import hide_in_values
from runner.untrusted import Malformed, clean_line, parse_json

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"

TITLE = "org.opencontainers.image.title"
EMPTY_CONFIG = b"{}"

MAX_MANIFEST_BYTES = 4 << 20
"""Bytes.

Registries take no larger ones (Distribution Specification, "Pushing Manifests": at least 4 MiB).
"""
MAX_VALUES = 200_000
"""Values and keys of a manifest. A full list of referrers has half of that."""
MAX_BLOB_BYTES = 1 << 50
"""Bytes. No blob is larger: such a size is a mistake or an attack."""

_TYPE_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(f"{_TYPE_NAME}/{_TYPE_NAME}", re.ASCII)
"""RFC 6838, section 4.2."""


def sha256(data: bytes) -> str:
    """Return the digest of `data`: `sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Descriptor:
    """A reference to content by digest; `size` in bytes.

    `title` is the name of the file that clients such as `oras pull` write; empty for none. It is
    written, and never read.
    """

    media_type: str
    digest: str
    size: int
    title: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as a manifest writes it."""
        named = {"annotations": {TITLE: self.title}} if self.title else {}
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size, **named}


@dataclass(frozen=True)
class Manifest:
    """A manifest as raw bytes, which are its identity, with the media type it is served as."""

    body: bytes
    media_type: str

    @property
    def digest(self) -> str:
        """The digest of the raw bytes."""
        return sha256(self.body)

    @cached_property
    def content(self) -> dict[str, Any]:
        """The manifest, parsed.

        Raises Malformed; what `Registry.read_manifest` returned was checked already.
        """
        found = parse_json(self.body, MAX_MANIFEST_BYTES, MAX_VALUES)
        if not isinstance(found, dict):
            raise Malformed("not a JSON object")
        return found

    @property
    def descriptor(self) -> Descriptor:
        """A reference to this manifest."""
        return Descriptor(self.media_type, self.digest, len(self.body))

    @property
    def is_index(self) -> bool:
        """Whether it lists manifests, and has no blobs of its own."""
        return "manifests" in self.content

    def parse_blobs(self) -> tuple[Descriptor, ...]:
        """Return the configuration and the layers, in order; nothing for an index.

        Raises Malformed.
        """
        if self.is_index:
            return ()
        layers = self.content.get("layers")
        if not isinstance(layers, list):
            raise Malformed("`layers` is not a list")
        return tuple(map(parse_descriptor, (self.content.get("config"), *layers)))

    def index_entries(self) -> list[Any]:
        """Return the entries of an index, unchecked; nothing for an image.

        Raises Malformed if they are not a list.
        """
        found = self.content.get("manifests", [])
        if not isinstance(found, list):
            raise Malformed("`manifests` is not a list")
        return found

    def parse_children(self) -> tuple[Descriptor, ...]:
        """Return the manifests that an index lists; nothing for an image.

        Raises Malformed.
        """
        return tuple(map(parse_descriptor, self.index_entries()))

    @property
    def subject_digest(self) -> str:
        """The digest of the manifest that this one refers to; empty if it refers to none.

        Raises Malformed.
        """
        found = self.content.get("subject")
        return parse_descriptor(found).digest if found is not None else ""

    @property
    def annotations(self) -> dict[str, str]:
        """Its annotations. Raises Malformed if they are anything but names with text."""
        return parse_annotations(self.content.get("annotations", {}))

    @property
    def artifact_type(self) -> str:
        """Its artifact type, else the media type of its configuration; empty if it has neither.

        Raises Malformed.
        """
        config = self.content.get("config")
        kind = (
            self.content.get("artifactType")
            or (config.get("mediaType") if isinstance(config, dict) else "")
            or ""
        )
        if not isinstance(kind, str):
            raise Malformed(f"`artifactType` is {_quote_value(kind)}")
        return kind


def parse_manifest(body: bytes, media_type: str) -> Manifest:
    """Return a manifest or an index that a registry served. Raises Malformed for anything else.

    The entries of an index are not checked: a malformed one must not hide the others
    (`Manifest.parse_children`).
    """
    found = Manifest(body, media_type)
    if found.is_index:
        found.index_entries()
    else:
        found.parse_blobs()
    _ = found.subject_digest, found.annotations, found.artifact_type
    return found


def parse_descriptor(entry: object) -> Descriptor:
    """Return a descriptor that stands in a manifest. Raises Malformed for anything else."""
    if not isinstance(entry, dict):
        raise Malformed(f"{_quote_value(entry)} is not a descriptor")
    media_type, digest, size = entry.get("mediaType"), entry.get("digest"), entry.get("size")
    if not (isinstance(media_type, str) and _MEDIA_TYPE.fullmatch(media_type)):
        raise Malformed(f"{_quote_value(media_type)} is not a media type")
    if not (isinstance(digest, str) and is_digest(digest)):
        raise Malformed(f"{_quote_value(digest)} is not a sha256 digest")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_BLOB_BYTES:
        raise Malformed(f"{_quote_value(size)} is not a size in bytes")
    return Descriptor(media_type, digest, size)


def parse_annotations(found: object) -> dict[str, str]:
    """Return annotations that stand in a manifest or a descriptor.

    Raises Malformed for all but text.
    """
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Malformed("`annotations` hold a value that is not text")
    return dict(found)


def _quote_value(value: object) -> str:
    return clean_line(f"{value!r:.200}", 80)


def image_manifest(
    config: Descriptor,
    layers: Sequence[Descriptor],
    annotations: Mapping[str, str] | None = None,
    artifact_type: str = "",
    subject: Descriptor | None = None,
) -> Manifest:
    """Return an OCI image manifest: the same bytes for the same arguments.

    With a `subject`, it is an artifact that refers to that manifest.
    """
    content: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.as_dict(),
        "layers": [layer.as_dict() for layer in layers],
    }
    if artifact_type:
        content["artifactType"] = artifact_type
    if subject:
        content["subject"] = subject.as_dict()
    if annotations:
        content["annotations"] = hide_in_values(dict(annotations))
    return Manifest(canonical_json(content), OCI_MANIFEST)


def canonical_json(content: object) -> bytes:
    """Return JSON with sorted keys and without spaces."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
