"""Signed evidence in the registry: what is proven about a digest, as referrers of it.

Each statement is one artifact: a Sigstore bundle (v0.3) around its DSSE envelope, laid out as cosign and GitHub's
attest action lay out their own (sigstore/cosign, specs/BUNDLE_SPEC.md), so that what looks for those finds ours; a bare
envelope it would not see. The annotations under which BuildKit and older tools keep the predicate's type are there too.
A bundle says whether a key made it, which then must be trusted, or a certificate, whose identity must be; either is
verified in full by rules of its own.

Nothing unsigned is believed: the annotations tell tools what to fetch, and what counts is in the statement, whose
subject must be the digest that was asked about. The same statements and signer are the same artifacts, attached once:
a key signs the same bytes each time, and what a trusted identity has signed already is not signed again.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from oci import referrers
from oci.manifest import Descriptor, canonical
from oci.referrers import Referrer
from oci.registry import Registry, RegistryError
from publish.evidence import dsse, keyless, statement
from publish.evidence.dsse import Signed
from publish.evidence.foreign import NOT_USABLE, json_object
from publish.evidence.keyless import Keyless
from publish.evidence.keys import PrivateKey, key_id
from publish.evidence.predicates import DECISION, made_on
from publish.evidence.statement import Statement
from publish.evidence.trust import Trusted
from runner.errors import ConfigError, GateRefused

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
LARGEST_BYTES = 32 << 20
"""A bill of materials has less than a megabyte."""

_PREDICATE_TYPE = "dev.sigstore.bundle.predicateType"
_CREATED = "org.opencontainers.image.created"
_SERVED = (200, 404)
"""Statuses of a registry that answered: what it has is wrong, or what it lists is gone. That is no outage."""


Signer = PrivateKey | Keyless


@dataclass(frozen=True)
class Found:
    """One artifact that claims to be evidence; `artifact` is the digest of its manifest.

    `signer` is the id of the key, or the identity with its issuer. `statement` is None where `problem` says why it is
    not usable; then `predicate_type` is only what it claims to be.
    `created` is when what it states was found (ISO 8601), as signed; empty where it does not say.
    """

    artifact: str
    predicate_type: str
    statement: Statement | None
    signer: str
    created: str
    problem: str


def publish(
    registry: Registry, repository: str, subject: Descriptor, statements: Sequence[Statement], signer: Signer
) -> tuple[Descriptor, ...]:
    """Sign each statement and attach it to the image it is about; again as often as you like.

    Raises ConfigError where one is about another image, RegistryError and what a signer raises (then run it again).
    """
    for each in statements:
        if each.subject != subject.digest:
            raise ConfigError(
                f"{each.predicate_type} is about {each.subject}, not {subject.digest}",
                "run the stage again for this image",
            )
    return tuple(_attach(registry, repository, subject, each, signer) for each in statements)


def read(registry: Registry, repository: str, digest: str, trusted: Trusted) -> tuple[Found, ...]:
    """Everything that claims to be evidence about `digest`, by type and age; what is not usable says why.

    Raises RegistryError where the registry fails: evidence that cannot be read is not evidence that is missing.
    """
    listed = referrers.referrers(registry, repository, digest, BUNDLE)
    found = [_found(registry, repository, digest, each, trusted) for each in listed]
    return tuple(sorted(found, key=lambda each: (each.predicate_type, each.created, each.artifact)))


def find(registry: Registry, repository: str, digest: str, artifact: str, trusted: Trusted) -> Found | None:
    """One artifact among those about `digest`, None where it is not there. Raises as `read`."""
    listed = referrers.referrers(registry, repository, digest, BUNDLE)
    named = [each for each in listed if each.descriptor.digest == artifact]
    return _found(registry, repository, digest, named[0], trusted) if named else None


def seal(about: Statement, signer: Signer) -> bytes:
    """Return a signed statement as a bundle, for what is kept elsewhere than among the referrers of an image."""
    payload = statement.to_json(about)
    return signer.sign(payload) if isinstance(signer, Keyless) else _bundle(dsse.sign(payload, signer), signer)


def unseal(data: bytes, trusted: Trusted) -> Statement:
    """Return the statement in a bundle. Raises GateRefused if nobody trusted signed it."""
    return statement.from_json(_opened(data, trusted).payload)


def _attach(registry: Registry, repository: str, subject: Descriptor, about: Statement, signer: Signer) -> Descriptor:
    """What is attached is attached again: where a run was killed in between, its list may lack it."""
    if isinstance(signer, Keyless):
        kept = _kept(registry, repository, about, signer.trusted)
        data = next(kept, b"") or signer.sign(statement.to_json(about))
    else:
        data = _bundle(dsse.sign(statement.to_json(about), signer), signer)
    return referrers.attach(registry, repository, subject, BUNDLE, [(BUNDLE, data)], _annotations(about))


def _kept(registry: Registry, repository: str, about: Statement, trusted: Trusted) -> Iterator[bytes]:
    """The bundles about this very statement that are attached already and believed."""
    for each in referrers.referrers(registry, repository, about.subject, BUNDLE):
        if each.annotations.get(_PREDICATE_TYPE) == about.predicate_type:
            with contextlib.suppress(GateRefused):
                data = _file(registry, repository, each)
                if _opened(data, trusted).payload == statement.to_json(about):
                    yield data


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
        signed = _opened(_file(registry, repository, referrer), trusted)
        about = _about(digest, signed.payload)
        _allowed(about, signed.signer, trusted)
    except GateRefused as error:
        return Found(artifact, claimed, None, "", "", error.message)
    return Found(artifact, about.predicate_type, about, signed.signer, made_on(about), "")


def _allowed(about: Statement, signer: str, trusted: Trusted) -> None:
    """Raises GateRefused for a decision by somebody who is trusted for other evidence alone."""
    if about.predicate_type == DECISION and not trusted.may_decide(signer):
        raise GateRefused(f"signed by {signer}, which is not trusted to decide", NOT_USABLE)


def _file(registry: Registry, repository: str, referrer: Referrer) -> bytes:
    """The file of an artifact. Raises GateRefused where it has not one, RegistryError where the registry fails."""
    try:
        blobs = referrers.fetch(registry, repository, referrer, LARGEST_BYTES)
    except RegistryError as error:
        if error.status not in _SERVED:
            raise
        raise GateRefused(error.message, NOT_USABLE) from None
    if len(blobs) != 1:
        raise GateRefused(f"{len(blobs)} files, where a bundle is one", NOT_USABLE)
    return blobs[0]


def _opened(data: bytes, trusted: Trusted) -> Signed:
    """What a bundle holds, by the rules of what it says is behind it. Raises GateRefused."""
    content = json_object(data, "the bundle")
    if keyless.is_certified(content):
        return keyless.opened(content, trusted)
    envelope = content.get("dsseEnvelope")
    if not isinstance(envelope, dict):
        raise GateRefused("a bundle without an envelope", NOT_USABLE)
    return dsse.opened(envelope, trusted.keys)


def _about(digest: str, payload: bytes) -> Statement:
    about = statement.from_json(payload)
    if about.subject != digest:
        raise GateRefused(f"it is about {about.subject}, not this image", NOT_USABLE)
    return about
