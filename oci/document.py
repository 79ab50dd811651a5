"""A document under a tag, such as a journal, with its signature.

The document is the last layer of the manifest, the signature the one before it. A document without
a signature, or with one that does not count, is returned all the same: the reader decides what it
is good for. Anything else under the tag is returned as a document that is not readable: anybody who
may write there can have put it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from oci.manifest import EMPTY_CONFIG, OCI_EMPTY, Descriptor, Manifest, image_manifest
from oci.registry import Registry, RegistryError, Unreadable, report_malformed

MAX_SIGNATURE_BYTES = 1 << 20
"""Bytes. A bundle around a statement without content has a few kilobytes."""


class Seal(Protocol):
    """Signs documents, and decides whose signatures count."""

    @property
    def media_type(self) -> str:
        """The media type of its signatures."""
        ...

    def sign(self, document: bytes) -> bytes:
        """Return the signature of a document."""
        ...

    def own_problem(self) -> str:
        """Return why a signature that is made here would not count, or an empty text."""
        ...

    def problem(self, document: bytes, signature: bytes) -> str:
        """Return why a signature of a document does not count, or an empty text."""
        ...

    def digest_problem(self, digest: str, signature: bytes) -> str:
        """Return the same for a document of which only the digest is known."""
        ...


@dataclass(frozen=True)
class StoredDocument:
    """A document, and the digest of the manifest that holds it.

    `digest` is empty if the manifest was deleted meanwhile. `problem` says why its signature does
    not count, or why it cannot be read. It is empty if a trusted key signed it, or if no signature
    was verified. A document that is not `is_readable` has no body, and always a problem. It
    `is_lost` if the registry does not have its bytes, and a trusted key signed them or no signature
    was verified.
    """

    body: bytes
    digest: str
    problem: str
    is_readable: bool = True
    is_lost: bool = False


def read_signed(  # noqa: PLR0913, PLR0917 - where, who is believed, and how much is read
    registry: Registry,
    repository: str,
    tag: str,
    seal: Seal | None,
    limit: int,
    unsigned_limit: int | None = None,
) -> StoredDocument | None:
    """Return the document under a tag, or None if there is no such tag.

    Its signature is verified before its bytes are read. Of one whose signature does not count, at
    most `unsigned_limit` bytes are. Without a seal no signature is verified. Raises RegistryError
    only if the registry fails.
    """
    where = f"{registry.host}/{repository}:{tag}"
    try:
        manifest = registry.read_manifest(repository, tag)
        if manifest is None:
            return None
        *signatures, layer = _list_layers(registry, repository, tag, manifest, limit)
        signature = b"".join(_read_blob(registry, repository, each) or b"" for each in signatures)
        problem = ""
        if seal is not None:
            # a signature that the registry lost is none: else whoever deletes a blob would stop
            # everything
            problem = (
                seal.digest_problem(layer.digest, signature) if signature else "nobody signed it"
            )
        if problem and layer.size > (limit if unsigned_limit is None else unsigned_limit):
            text = f"{problem}, and it has {layer.size:,} bytes, too many to read"
            return StoredDocument(b"", manifest.digest, text, is_readable=False)
        body = _read_blob(registry, repository, layer)
    except Unreadable as error:
        digest = registry.resolve_digest(repository, tag) or ""
        return StoredDocument(b"", digest, error.message, is_readable=False)
    if body is not None:
        return StoredDocument(body, manifest.digest, problem)
    gone = f"{where} names a blob that is not there"
    text = f"{gone} ({problem})" if problem else gone
    return StoredDocument(b"", manifest.digest, text, is_readable=False, is_lost=not problem)


def _list_layers(
    registry: Registry, repository: str, tag: str, manifest: Manifest, limit: int
) -> tuple[Descriptor, ...]:
    """Return the signature, if there is one, and the document.

    Raises Unreadable if the manifest holds something else.
    """
    with report_malformed(registry, repository, tag):
        layers = manifest.parse_blobs()[1:]
    if (
        not 1 <= len(layers) <= 2
        or layers[-1].size > limit
        or any(layer.size > MAX_SIGNATURE_BYTES for layer in layers[:-1])
    ):
        where = f"{registry.host}/{repository}:{tag}"
        raise Unreadable(200, f"{where} does not hold one document of at most {limit:,} bytes")
    return layers


def _read_blob(registry: Registry, repository: str, layer: Descriptor) -> bytes | None:
    """Return the bytes of a layer; None if the registry does not have them."""
    try:
        return registry.read_blob(repository, layer.digest, layer.size)
    except RegistryError as error:
        if error.status != 404:
            raise
        return None


def push_document(
    registry: Registry, repository: str, kind: str, body: bytes, seal: Seal | None
) -> Manifest:
    """Push a document of media type `kind`, signed if there is a seal, and return its manifest.

    Its files are named after the kind. The manifest itself is not put.
    """
    name = kind.rpartition("-images.")[2].partition("+")[0].partition(".")[0]
    config = registry.push_bytes(repository, EMPTY_CONFIG, OCI_EMPTY)
    pushed = [registry.push_bytes(repository, seal.sign(body), seal.media_type)] if seal else []
    signatures = [replace(each, title=f"{name}.sigstore.json") for each in pushed]
    document = replace(registry.push_bytes(repository, body, kind), title=f"{name}.json")
    return image_manifest(config, [*signatures, document], artifact_type=kind)
