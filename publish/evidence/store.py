"""Signed evidence in the registry: what is proven about a digest, as referrers of it.

Each statement is one artifact: a Sigstore bundle (v0.3) around its DSSE envelope, laid out as cosign and GitHub's
attest action lay out their own (sigstore/cosign, specs/BUNDLE_SPEC.md), so that what looks for those finds ours; a bare
envelope it would not see. The annotations under which BuildKit and older tools keep the predicate's type are there too.
A bundle may say that a key made it, and then needs neither certificate nor log entry. One that was signed without a key
of ours (keyless) is listed as not usable.

Nothing unsigned is believed: the annotations tell tools what to fetch, and what counts is in the statement, whose
subject must be the digest that was asked about. The same statements and key are the same artifacts, attached once.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from oci import referrers
from oci.manifest import Descriptor, canonical
from oci.referrers import Referrer
from oci.registry import Registry, RegistryError
from publish.evidence import dsse, statement
from publish.evidence.foreign import NOT_USABLE, json_object
from publish.evidence.keys import PrivateKey, Trusted, key_id
from publish.evidence.predicates import made_on
from publish.evidence.statement import Statement
from runner.errors import ConfigError, GateRefused

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
LARGEST_BYTES = 32 << 20
"""A bill of materials has less than a megabyte."""

_PREDICATE_TYPE = "dev.sigstore.bundle.predicateType"
_CREATED = "org.opencontainers.image.created"
_SERVED = (200, 404)
"""Statuses of a registry that answered: what it has is wrong, or what it lists is gone. That is no outage."""


@dataclass(frozen=True)
class Found:
    """One artifact that claims to be evidence; `artifact` is the digest of its manifest.

    `statement` is None where `problem` says why it is not usable; then `predicate_type` is only what it claims to be.
    `created` is when what it states was found (ISO 8601), as signed; empty where it does not say.
    """

    artifact: str
    predicate_type: str
    statement: Statement | None
    key_id: str
    created: str
    problem: str


def publish(
    registry: Registry, repository: str, subject: Descriptor, statements: Sequence[Statement], key: PrivateKey
) -> tuple[Descriptor, ...]:
    """Sign each statement and attach it to the image it is about; again as often as you like.

    Raises ConfigError where one is about another image, RegistryError (then run it again).
    """
    for each in statements:
        if each.subject != subject.digest:
            raise ConfigError(
                f"{each.predicate_type} is about {each.subject}, not {subject.digest}",
                "run the stage again for this image",
            )
    return tuple(_attach(registry, repository, subject, each, key) for each in statements)


def read(registry: Registry, repository: str, digest: str, trusted: Trusted) -> tuple[Found, ...]:
    """Everything that claims to be evidence about `digest`, by type and age; what is not usable says why.

    Raises RegistryError where the registry fails: evidence that cannot be read is not evidence that is missing.
    """
    listed = referrers.referrers(registry, repository, digest, BUNDLE)
    found = [_found(registry, repository, digest, each, trusted) for each in listed]
    return tuple(sorted(found, key=lambda each: (each.predicate_type, each.created, each.artifact)))


def _attach(registry: Registry, repository: str, subject: Descriptor, about: Statement, key: PrivateKey) -> Descriptor:
    envelope = dsse.sign(statement.to_json(about), key)
    blobs = [(BUNDLE, _bundle(envelope, key))]
    return referrers.attach(registry, repository, subject, BUNDLE, blobs, _annotations(about))


def _annotations(about: Statement) -> dict[str, str]:
    """Sigstore's own, and the names under which BuildKit and cosign before bundles keep the predicate's type."""
    created = made_on(about)
    return {
        "dev.sigstore.bundle.content": "dsse-envelope",
        _PREDICATE_TYPE: about.predicate_type,
        "in-toto.io/predicate-type": about.predicate_type,
        "predicateType": about.predicate_type,
        **({_CREATED: created} if created else {}),
    }


def _bundle(envelope: bytes, key: PrivateKey) -> bytes:
    """The envelope as a Sigstore bundle; its hint is the key's id, in base64."""
    hint = base64.b64encode(bytes.fromhex(key_id(key.public_key()))).decode()
    material = {"publicKey": {"hint": hint}, "tlogEntries": []}
    return canonical({"mediaType": BUNDLE, "verificationMaterial": material, "dsseEnvelope": json.loads(envelope)})


def _found(registry: Registry, repository: str, digest: str, referrer: Referrer, trusted: Trusted) -> Found:
    artifact, claimed = referrer.descriptor.digest, referrer.annotations.get(_PREDICATE_TYPE, "")
    try:
        signed = dsse.opened(_envelope(registry, repository, referrer), trusted)
        about = _about(digest, signed.payload)
    except GateRefused as error:
        return Found(artifact, claimed, None, "", "", error.message)
    except RegistryError as error:
        if error.status not in _SERVED:
            raise
        return Found(artifact, claimed, None, "", "", error.message)
    return Found(artifact, about.predicate_type, about, signed.key_id, made_on(about), "")


def _envelope(registry: Registry, repository: str, referrer: Referrer) -> dict[str, Any]:
    blobs = referrers.fetch(registry, repository, referrer, LARGEST_BYTES)
    if len(blobs) != 1:
        raise GateRefused(f"{len(blobs)} files, where a bundle is one", NOT_USABLE)
    envelope = json_object(blobs[0], "the bundle").get("dsseEnvelope")
    if not isinstance(envelope, dict):
        raise GateRefused("a bundle without an envelope", NOT_USABLE)
    return envelope


def _about(digest: str, payload: bytes) -> Statement:
    about = statement.from_json(payload)
    if about.subject != digest:
        raise GateRefused(f"it is about {about.subject}, not this image", NOT_USABLE)
    return about
