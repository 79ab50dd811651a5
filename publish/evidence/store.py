"""Signed evidence in the registry: what is proven about a digest, as referrers of it.

Each statement is one artifact: a Sigstore bundle (v0.3) around its DSSE envelope, laid out as
cosign and GitHub's attest action lay out their own (sigstore/cosign, specs/BUNDLE_SPEC.md), so that
what looks for those finds ours; a bare envelope it would not see. The annotations under which
BuildKit and older tools keep the predicate's type are there too. A bundle says whether a key made
it, which then must be trusted, or a certificate, whose identity must be; either is verified in full
by rules of its own.

Whoever may write to the repository can attach as many artifacts as they like that claim to be
evidence. So what a trusted key sealed (publish/evidence/seal.py) is known from the list alone, and
always read; of what is not sealed, which is that of Sigstore's certificates and of other tools, so
many are read and no more, within bounds of bytes and time. What a decision names is found by its
digest, listed or not. A statement that is there several times is given once.

Nothing unsigned is believed: the annotations tell tools what to fetch, and what counts is in the
statement, whose subject must be the digest that was asked about. The same statements and signer are
the same artifacts, attached once: a key signs the same bytes each time, and what a trusted identity
has signed already is not signed again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from images.statement_names import write_name
from oci import referrers
from oci.manifest import TITLE, Descriptor, canonical_json, sha256
from oci.registry import Registry
from publish.evidence import dsse, keyless, seal, statement
from publish.evidence.bundle_files import (
    BUNDLE,
    PREDICATE_TYPE,
    BundleFile,
    ReadBudget,
    read_bundles,
    read_unsealed,
)
from publish.evidence.dsse import VerifiedPayload
from publish.evidence.keyless import KeylessSigner
from publish.evidence.keys import PrivateKey, compute_key_id
from publish.evidence.kinds import find_kind, read_date
from publish.evidence.statement import Statement
from publish.evidence.strict_json import BUNDLE_VALUES, NOT_USABLE, json_object
from publish.evidence.trust import Trusted
from runner.errors import ConfigError, GateRefused
from runner.untrusted import clean_line

MAX_UNSIGNED_BYTES = 16 << 10
"""How many bytes a bundle of a key may have beside what was signed. Another tool's has the entry of
a transparency log, which is a few kilobytes; whatever is there is copied with the evidence.
"""

_CREATED = "org.opencontainers.image.created"
Signer = PrivateKey | KeylessSigner


@dataclass(frozen=True)
class FoundEvidence:
    """One artifact that claims to be evidence; `artifact` is the digest of its manifest.

    `signer` is the id of the key, or the identity with its issuer. `statement` is None if `problem`
    says why it is not usable; then `predicate_type` is only a claim. `created` is the signed date
    of what it states (ISO 8601); empty if it has none. `sealed` if a trusted key vouched for the
    whole artifact.
    """

    artifact: str
    predicate_type: str
    statement: Statement | None
    signer: str
    created: str
    problem: str
    sealed: bool = field(default=False, compare=False)


def publish_statements(
    registry: Registry,
    repository: str,
    subject: Descriptor,
    statements: Sequence[Statement],
    signer: Signer,
) -> tuple[Descriptor, ...]:
    """Sign each statement and attach it to the image it is about; again as often as you like.

    Raises ConfigError if one is about another image, RegistryError, and the errors of a signer
    (then run it again).
    """
    for each in statements:
        if each.subject != subject.digest:
            raise ConfigError(
                f"{each.predicate_type} is about {each.subject}, not {subject.digest}",
                "run the stage again for this image",
            )
    return tuple(
        _attach_statement(registry, repository, subject, each, signer) for each in statements
    )


def read_evidence(
    registry: Registry, repository: str, digest: str, trusted: Trusted, predicate_type: str = ""
) -> tuple[FoundEvidence, ...]:
    """Return the artifacts that claim to be evidence about `digest`, by type and age.

    `predicate_type` selects one type. Unusable ones have a problem. Raises RegistryError if the
    registry fails: evidence that cannot be read is not evidence that is missing.
    """
    found = (
        _verify_file(each, digest, trusted)
        for each in read_bundles(registry, repository, digest, trusted, predicate_type)
    )
    # anybody can attach a copy of signed evidence that claims another type
    of_type = (each for each in found if predicate_type in ("", each.predicate_type))
    return tuple(
        sorted(
            _drop_duplicates(of_type),
            key=lambda each: (each.predicate_type, each.created, each.artifact),
        )
    )


def find_evidence(
    registry: Registry, repository: str, digest: str, artifact: str, trusted: Trusted
) -> FoundEvidence | None:
    """Return one artifact about `digest`, listed or not; None if it is not there.

    Raises as `read_evidence`.
    """
    listed = referrers.find_referrer(registry, repository, digest, artifact)
    if listed is None or listed.artifact_type != BUNDLE:
        return None
    return _verify_file(
        read_unsealed(registry, repository, digest, ReadBudget(), listed), digest, trusted
    )


def sign_statement(about: Statement, signer: Signer) -> bytes:
    """Return a statement in a bundle.

    A key makes the same bytes each time, and Sigstore others each time.
    """
    if isinstance(signer, KeylessSigner):
        return signer.sign_statement(statement.to_json(about))
    return _make_bundle(dsse.sign_payload(statement.to_json(about), signer), signer)


def verify_bundle(data: bytes, trusted: Trusted) -> VerifiedPayload:
    """Return the payload of a bundle, verified by a key or a certificate. Raises GateRefused."""
    content = json_object(data, "the bundle", BUNDLE_VALUES)
    if keyless.is_certified(content):
        return keyless.verify_certified(content, trusted)
    envelope = content.get("dsseEnvelope")
    if not isinstance(envelope, dict):
        raise GateRefused("a bundle without an envelope", NOT_USABLE)
    made = dsse.verify_envelope(envelope, trusted.keys)
    if len(data) - len(envelope["payload"]) > MAX_UNSIGNED_BYTES:
        raise GateRefused("the bundle holds much that its key did not sign", NOT_USABLE)
    return made


def find_signer_problem(signer: Signer, trusted: Trusted, *, decides: bool) -> str:
    """Return why nobody here would believe what a signer signs; empty if they would.

    An identity refuses by itself to sign what would not be believed.
    """
    if isinstance(signer, KeylessSigner):
        refuses = decides and trusted.deciders is not None
        return "keys that decide are configured, and a certificate signs here" if refuses else ""
    name = compute_key_id(signer.public_key())
    if name not in trusted.keys:
        return f"the key {name} is not trusted"
    if name in trusted.revoked:
        return f"the key {name} is revoked"
    return (
        ""
        if not decides or trusted.may_decide(name)
        else f"the key {name} is not trusted to decide"
    )


def _attach_statement(
    registry: Registry, repository: str, subject: Descriptor, about: Statement, signer: Signer
) -> Descriptor:
    """Attach a statement, also if it is there: a run that was killed may not have listed it."""
    notes = _make_annotations(about)
    if isinstance(signer, KeylessSigner):
        files = read_bundles(
            registry, repository, about.subject, signer.trusted, about.predicate_type
        )
        believed = (
            each.data
            for each in files
            if _verify_file(each, about.subject, signer.trusted).statement == about
        )
        data = next(believed, b"") or sign_statement(about, signer)
    else:
        data = sign_statement(about, signer)
        notes = seal.add_seal(notes, subject, Descriptor(BUNDLE, sha256(data), len(data)), signer)
    return referrers.attach_artifact(registry, repository, subject, BUNDLE, [(BUNDLE, data)], notes)


def _make_annotations(about: Statement) -> dict[str, str]:
    """Return Sigstore's annotations, and the names of BuildKit and older cosign for the type."""
    created, name = read_date(about), write_name(about.predicate_type)
    kind = find_kind(about.predicate_type)
    return {
        "dev.sigstore.bundle.content": "dsse-envelope",
        PREDICATE_TYPE: name,
        "in-toto.io/predicate-type": name,
        "predicateType": name,
        TITLE: f"{kind.title.lower().replace(' ', '-') if kind else 'statement'}.sigstore.json",
        **({_CREATED: created} if created else {}),
    }


def _make_bundle(envelope: bytes, key: PrivateKey) -> bytes:
    """Return the envelope as a Sigstore bundle; its hint is the key's id, in base64."""
    hint = base64.b64encode(bytes.fromhex(compute_key_id(key.public_key()))).decode()
    material = {"publicKey": {"hint": hint}, "tlogEntries": []}
    return canonical_json(
        {
            "mediaType": BUNDLE,
            "verificationMaterial": material,
            "dsseEnvelope": json.loads(envelope),
        }
    )


def _verify_file(file: BundleFile, digest: str, trusted: Trusted) -> FoundEvidence:
    if file.problem:
        return FoundEvidence(
            file.artifact, file.claimed, None, "", "", clean_line(file.problem), file.sealed
        )
    try:
        made = verify_bundle(file.data, trusted)
        about = statement.from_json(made.payload)
        if about.subject != digest:
            raise GateRefused(f"it is about {about.subject}, not this image", NOT_USABLE)
        kind = find_kind(about.predicate_type)
        if revoked := trusted.find_revocation(made.signer, read_date(about)):
            raise GateRefused(revoked, NOT_USABLE)
        if kind and kind.decides and not trusted.may_decide(made.signer):
            raise GateRefused(
                f"signed by {made.signer}, which is not trusted to decide", NOT_USABLE
            )
    except GateRefused as error:
        return FoundEvidence(
            file.artifact, file.claimed, None, "", "", clean_line(error.message), file.sealed
        )
    return FoundEvidence(
        file.artifact, about.predicate_type, about, made.signer, read_date(about), "", file.sealed
    )


def _drop_duplicates(found: Iterable[FoundEvidence]) -> Iterator[FoundEvidence]:
    """Yield each statement of a signer once, and the sealed copy if there is one.

    Anybody can attach a bundle again.
    """
    kept: dict[tuple[str, bytes], FoundEvidence] = {}
    for each in sorted(found, key=lambda each: (not each.sealed, each.artifact)):
        if each.statement is None:
            yield each
        else:
            kept.setdefault((each.signer, statement.to_json(each.statement)), each)
    yield from kept.values()
