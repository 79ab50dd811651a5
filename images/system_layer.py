"""The OS layer in the registry's cache repository: any run on any machine finds it again there.

No lock can name this layer: Debian's packages are those of the day when it is made. So it is taken
from the cache only with a statement of a trusted signer. The tag `os-KEY` is on a manifest of the
layer, whose configuration is the signed statement. An account that may write to the registry can
put another manifest there: only the statement is trusted.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Protocol

from images.record import DebianPackage
from oci.manifest import image_manifest
from oci.reference import is_digest
from oci.registry import Registry, RegistryError
from oci.tarball import Blob
from runner import progress, untrusted
from runner.errors import GateRefused
from runner.moments import parse_moment
from runner.untrusted import Malformed

STATEMENT_TYPE = "application/vnd.pytorch-cuda-images.os-layer.v1+json"
MAX_STATEMENT_BYTES = 4 << 20
"""A statement has about 20 kB. It names a few hundred packages."""

MAX_LAYER_BYTES = 8 << 30
CLOCK_SKEW = datetime.timedelta(minutes=10)

_TAG_HEX = 40
_SERVED = (200, 404)
"""HTTP statuses of a registry that works: its content is wrong or missing."""


@dataclass(frozen=True)
class SystemLayer:
    """An OS layer: its content key, its bytes, and its packages.

    `source` names the base of its build, `taken_at` is the time when its packages were taken from
    Debian (ISO 8601). `newest` is when the newest file of a package was made, in seconds since
    1970; 0 if the layer was made before this was recorded. `below` is the digest of the layer that
    updates or more packages were made on; empty for an OS layer. `packages` are all that an image
    with these layers has.
    """

    key: str
    blob: Blob
    source: str
    packages: tuple[DebianPackage, ...]
    taken_at: str
    newest: int = 0
    below: str = ""


class SystemLayerSigner(Protocol):
    """A signer of OS layers that were made here, and verifier of those in the cache."""

    def sign(self, layer: SystemLayer) -> bytes:
        """Return a signed statement with all facts about a layer."""

    def read(self, signed: bytes) -> SystemLayer:
        """Return the layer that a statement is about.

        Raises GateRefused if no trusted signer signed it.
        """


def find_system_layer(
    registry: Registry,
    repository: str,
    key: str,
    layer_signer: SystemLayerSigner,
    below: str = "",
) -> SystemLayer | None:
    """Return the OS layer with this content key; None if there is none that can be trusted.

    `below` is the digest of the layer directly below, empty for an OS layer. The reason is printed
    if there is one that cannot be trusted. Raises RegistryError if the registry fails.
    """
    try:
        signed = _read_statement(registry, repository, _tag_of(key))
        return _check_layer(layer_signer.read(signed), key, below) if signed is not None else None
    except (GateRefused, Malformed) as error:
        why = error.message if isinstance(error, GateRefused) else str(error)
    except RegistryError as error:
        if error.status not in _SERVED:
            raise
        why = error.message
    what = "layer on top of the OS layer" if below else "OS layer"
    progress.say_line(f"  the {what} in {repository} is not used: {untrusted.clean_line(why)}")
    return None


def keep_system_layer(
    registry: Registry, repository: str, layer: SystemLayer, layer_signer: SystemLayerSigner
) -> None:
    """Publish the signed statement about an OS layer whose blob is in the repository already."""
    config = registry.push_bytes(repository, layer_signer.sign(layer), STATEMENT_TYPE)
    registry.put_manifest(
        repository, _tag_of(layer.key), image_manifest(config, [layer.blob.to_descriptor()])
    )


def _read_statement(registry: Registry, repository: str, tag: str) -> bytes | None:
    """Return the statement under a tag; None if there is no such tag.

    Raises Malformed if the manifest names no statement, and RegistryError if the registry fails.
    """
    manifest = registry.read_manifest(repository, tag)
    if manifest is None:
        return None
    content = untrusted.parse_json(manifest.body, MAX_STATEMENT_BYTES)
    config = content.get("config") if isinstance(content, dict) else None
    digest, size = (
        (config.get("digest"), config.get("size")) if isinstance(config, dict) else (None, None)
    )
    if not (
        isinstance(digest, str) and is_digest(digest) and _is_within(size, MAX_STATEMENT_BYTES)
    ):
        raise Malformed("its manifest names no statement")
    return registry.read_blob(repository, digest, size)


def _check_layer(layer: SystemLayer, key: str, below: str) -> SystemLayer:
    """Return the layer. Raises Malformed if its content key or a value cannot be right."""
    blob = layer.blob
    if layer.key != key:
        raise Malformed(
            f"its statement is about a layer with another content key ({layer.key:.12})"
        )
    if layer.below != below:
        raise Malformed("it was made on top of another OS layer")
    if not (is_digest(blob.digest) and is_digest(blob.diff_id)):
        raise Malformed("its statement names no digest")
    if not (
        _is_within(blob.size, MAX_LAYER_BYTES) and _is_within(blob.uncompressed, MAX_LAYER_BYTES)
    ):
        raise Malformed(f"its statement says {blob.size} bytes, {blob.uncompressed} uncompressed")
    if not layer.packages:
        raise Malformed("its statement names no packages")
    try:
        taken = parse_moment(layer.taken_at, zoned=True)
        newest = datetime.datetime.fromtimestamp(layer.newest, datetime.UTC)
        is_past = max(taken, newest) <= datetime.datetime.now(datetime.UTC) + CLOCK_SKEW
    except (ValueError, OverflowError, OSError):
        is_past = False
    if not is_past:
        raise Malformed(
            f"its packages were taken at {layer.taken_at!r:.60} and are of {layer.newest!r:.20}, "
            "which is not a time in the past"
        )
    return layer


def _is_within(size: object, limit: int) -> bool:
    return type(size) is int and 0 < size <= limit


def _tag_of(key: str) -> str:
    return f"os-{key[:_TAG_HEX]}"
