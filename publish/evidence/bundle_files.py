"""The bundles that are attached to a digest, as files: which of them are read, and how much.

Whoever may write to the repository can attach as many as they like. So what a trusted key sealed
(publish/evidence/seal.py) is always read, and of the others a limited number, within limits of
bytes and time. Nothing is verified here but the seal.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from images.statement_names import read_name
from oci import referrers
from oci.copying import require_manifest
from oci.manifest import EMPTY_CONFIG, Descriptor, Manifest, sha256
from oci.referrer_list import Referrer
from oci.registry import WORKERS, Registry, RegistryError
from publish.evidence import seal
from publish.evidence.strict_json import NOT_USABLE
from publish.evidence.trust import Trusted
from runner import progress
from runner.errors import GateRefused
from runner.nouns import count_noun
from runner.pool import worker_pool
from runner.untrusted import clean_line

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MAX_BYTES = 32 << 20
"""Bytes of a bundle that a trusted key sealed. An SBOM has less than a megabyte."""
MAX_UNSEALED, MAX_CERTIFIED = 50, 400
"""How many artifacts without a seal are read about a digest: the second if an identity is
trusted, whose evidence never has one.
"""
MAX_UNSEALED_BYTES, UNSEALED_BYTES, UNSEALED_S = 8 << 20, 128 << 20, 60.0
"""How many bytes of each are read, and of all, and for how long."""
MAX_MANIFEST_BYTES = 8 << 10
PREDICATE_TYPE = "dev.sigstore.bundle.predicateType"
SERVED = (200, 404)
"""Statuses of a registry that answered: what it has is wrong, or what it lists is gone.

That is no outage.
"""


@dataclass(frozen=True)
class BundleFile:
    """The bundle of an artifact and the type that it claims; `problem` if it was not fetched."""

    artifact: str
    claimed: str
    data: bytes = b""
    sealed: bool = field(default=False, compare=False)
    problem: str = ""


@dataclass
class ReadBudget:
    """A limit in bytes and time for reading artifacts without a seal. Safe for many threads."""

    bytes: int = UNSEALED_BYTES
    ends: float = field(default_factory=lambda: time.monotonic() + UNSEALED_S)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def spend_bytes(self, size: int) -> None:
        """Take `size` bytes from the limit. Raises GateRefused if that is too much."""
        with self._lock:
            if size > min(self.bytes, MAX_UNSEALED_BYTES) or time.monotonic() > self.ends:
                raise GateRefused(
                    "not read: too much is attached to the image that no trusted key sealed",
                    NOT_USABLE,
                )
            self.bytes -= size


@dataclass
class _SealChecker:
    """Says which entries of a list about `subject` a trusted key sealed.

    Each entry is verified once.
    """

    subject: str
    trusted: Trusted
    _verified: dict[int, tuple[Referrer, Manifest | None]] = field(default_factory=dict)

    def find_manifest(self, listed: Referrer) -> Manifest | None:
        """Return the manifest of what a trusted key sealed; None if none did."""
        if (
            id(listed) not in self._verified
        ):  # the entry is kept beside it, so that its id stays its own
            self._verified[id(listed)] = (
                listed,
                seal.rebuild_sealed_manifest(listed, self.subject, self.trusted.keys),
            )
        return self._verified[id(listed)][1]

    def is_sealed(self, listed: Referrer) -> bool:
        """Return whether the entry is believed as it stands."""
        return self.find_manifest(listed) is not None


def read_bundles(
    registry: Registry, repository: str, digest: str, trusted: Trusted, wanted: str
) -> Iterator[BundleFile]:
    """Yield every sealed bundle about a digest, and a limited number of the others."""
    seals = _SealChecker(digest, trusted)
    listed = referrers.list_referrers(registry, repository, digest, BUNDLE, seals.is_sealed)
    listed = tuple(each for each in listed if wanted in ("", _claimed_type(each)))
    sealed = [(each, made) for each in listed if (made := seals.find_manifest(each))]
    others = [each for each in listed if not seals.is_sealed(each)]
    limit = MAX_CERTIFIED if trusted.identities else MAX_UNSEALED
    if len(others) > limit:
        more, where = len(others) - limit, f"{registry.host}/{repository}@{digest}"
        progress.say_line(
            f"  {where}: ignored {count_noun(more, 'artifact')} that no trusted key sealed; remove "
            "what nobody needs"
        )
    with worker_pool(WORKERS) as pool:
        yield from pool.map(lambda item: _read_sealed(registry, repository, *item), sealed)
        yield from pool.map(
            partial(read_unsealed, registry, repository, digest, ReadBudget()), others[:limit]
        )


def _read_sealed(
    registry: Registry, repository: str, listed: Referrer, made: Manifest
) -> BundleFile:
    artifact, claimed = made.digest, _claimed_type(listed)
    blob = made.parse_blobs()[-1]
    if blob.size > MAX_BYTES:
        problem = f"{blob.digest} has {blob.size} bytes, more than {MAX_BYTES}"
        return BundleFile(artifact, claimed, problem=problem, sealed=True)
    try:
        return BundleFile(
            artifact, claimed, registry.read_blob(repository, blob.digest, blob.size), sealed=True
        )
    except RegistryError as error:
        return BundleFile(artifact, claimed, problem=_describe_served(error), sealed=True)


def read_unsealed(
    registry: Registry, repository: str, subject: str, budget: ReadBudget, listed: Referrer
) -> BundleFile:
    """Return the bundle of an artifact without a seal, or the problem with it.

    Raises RegistryError if the registry fails.
    """
    artifact, claimed = listed.descriptor.digest, _claimed_type(listed)
    try:
        budget.spend_bytes(0)
        blob = _require_plain(require_manifest(registry, repository, artifact), subject)
        budget.spend_bytes(blob.size)
        return BundleFile(artifact, claimed, registry.read_blob(repository, blob.digest, blob.size))
    except RegistryError as error:
        return BundleFile(artifact, claimed, problem=_describe_served(error))
    except GateRefused as error:
        return BundleFile(artifact, claimed, problem=error.message)


def _describe_served(error: RegistryError) -> str:
    """Return what is wrong with the content that a registry served.

    Raises the error again if the registry itself fails.
    """
    if error.status not in SERVED:
        raise error
    return error.message


def _require_plain(manifest: Manifest, subject: str) -> Descriptor:
    """Return the one blob of a manifest about `subject`.

    Raises GateRefused if it could not be copied as it is, or if there is anything beside the blob:
    nobody vouches for that.
    """
    if manifest.subject_digest != subject:
        raise GateRefused(
            f"its manifest refers to {manifest.subject_digest or 'nothing'}", NOT_USABLE
        )
    blobs = manifest.parse_blobs()
    if len(blobs) != 2:
        raise GateRefused(
            f"{count_noun(max(0, len(blobs) - 1), 'file')}, and a bundle has one", NOT_USABLE
        )
    is_empty = (blobs[0].digest, blobs[0].size) == (sha256(EMPTY_CONFIG), len(EMPTY_CONFIG))
    is_bundle = manifest.artifact_type == blobs[1].media_type == BUNDLE
    if not (is_empty and is_bundle) or len(manifest.body) > MAX_MANIFEST_BYTES:
        raise GateRefused("its manifest holds more than a bundle has", NOT_USABLE)
    return blobs[1]


def _claimed_type(listed: Referrer) -> str:
    return read_name(clean_line(listed.annotations.get(PREDICATE_TYPE, ""), 120))
