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
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from oci import referrers
from oci.copying import require_manifest
from oci.manifest import EMPTY_CONFIG, Descriptor, Manifest, canonical_json, sha256
from oci.referrer_list import Referrer
from oci.registry import WORKERS, Registry, RegistryError
from publish.evidence import dsse, keyless, seal, statement
from publish.evidence.dsse import VerifiedPayload
from publish.evidence.keyless import KeylessSigner
from publish.evidence.keys import PrivateKey, compute_key_id
from publish.evidence.kinds import find_kind, read_date
from publish.evidence.statement import Statement
from publish.evidence.strict_json import BUNDLE_VALUES, NOT_USABLE, json_object
from publish.evidence.trust import Trusted
from runner import progress
from runner.errors import ConfigError, GateRefused
from runner.pool import worker_pool
from runner.untrusted import clean_line

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MAX_BYTES = 32 << 20
"""A bill of materials has less than a megabyte."""
MAX_UNSEALED, MAX_CERTIFIED = 50, 400
"""How many artifacts without a seal are read about a digest: the second if an identity is
trusted, whose evidence never has one.
"""
MAX_UNSEALED_BYTES, UNSEALED_BYTES, UNSEALED_S = 8 << 20, 128 << 20, 60.0
"""How many bytes of each are read, and of all, and for how long."""
MAX_MANIFEST_BYTES = 8 << 10
MAX_UNSIGNED_BYTES = 16 << 10
"""How many bytes a bundle of a key may have beside what was signed. Another tool's has the entry of
a transparency log, which is a few kilobytes; whatever is there is copied with the evidence.
"""

_PREDICATE_TYPE = "dev.sigstore.bundle.predicateType"
_CREATED = "org.opencontainers.image.created"
SERVED = (200, 404)
"""Statuses of a registry that answered: what it has is wrong, or what it lists is gone.

That is no outage.
"""


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
        for each in _read_files(registry, repository, digest, trusted, predicate_type)
    )
    return tuple(
        sorted(
            _drop_duplicates(found),
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
        _read_unsealed(registry, repository, digest, _ReadBudget(), listed), digest, trusted
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
        files = _read_files(
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
    created = read_date(about)
    return {
        "dev.sigstore.bundle.content": "dsse-envelope",
        _PREDICATE_TYPE: about.predicate_type,
        "in-toto.io/predicate-type": about.predicate_type,
        "predicateType": about.predicate_type,
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


@dataclass(frozen=True)
class _BundleFile:
    """The bundle of an artifact and the type that it claims; `problem` if it was not fetched."""

    artifact: str
    claimed: str
    data: bytes = b""
    sealed: bool = field(default=False, compare=False)
    problem: str = ""


@dataclass
class _ReadBudget:
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


def _read_files(
    registry: Registry, repository: str, digest: str, trusted: Trusted, wanted: str
) -> Iterator[_BundleFile]:
    """Yield every sealed bundle about a digest, and a limited number of the others."""
    vouchers = _SealChecker(digest, trusted)
    listed = referrers.list_referrers(registry, repository, digest, BUNDLE, vouchers.is_sealed)
    listed = tuple(each for each in listed if wanted in ("", _claimed_type(each)))
    sealed = [(each, made) for each in listed if (made := vouchers.find_manifest(each))]
    others = [each for each in listed if not vouchers.is_sealed(each)]
    limit = MAX_CERTIFIED if trusted.identities else MAX_UNSEALED
    if len(others) > limit:
        more, where = len(others) - limit, f"{registry.host}/{repository}@{digest}"
        progress.say_line(
            f"  {more} artifacts about {where} are not read: no trusted key sealed them; "
            "remove "
            "them there"
        )
    with worker_pool(WORKERS) as pool:
        yield from pool.map(lambda item: _read_sealed(registry, repository, *item), sealed)
        yield from pool.map(
            partial(_read_unsealed, registry, repository, digest, _ReadBudget()), others[:limit]
        )


def _read_sealed(
    registry: Registry, repository: str, listed: Referrer, made: Manifest
) -> _BundleFile:
    artifact, claimed = made.digest, _claimed_type(listed)
    blob = made.parse_blobs()[-1]
    if blob.size > MAX_BYTES:
        problem = f"{blob.digest} has {blob.size} bytes, more than {MAX_BYTES}"
        return _BundleFile(artifact, claimed, problem=problem, sealed=True)
    try:
        return _BundleFile(
            artifact, claimed, registry.read_blob(repository, blob.digest, blob.size), sealed=True
        )
    except RegistryError as error:
        return _BundleFile(artifact, claimed, problem=_describe_served(error), sealed=True)


def _read_unsealed(
    registry: Registry, repository: str, subject: str, purse: _ReadBudget, listed: Referrer
) -> _BundleFile:
    artifact, claimed = listed.descriptor.digest, _claimed_type(listed)
    try:
        purse.spend_bytes(0)
        blob = _require_plain(require_manifest(registry, repository, artifact), subject)
        purse.spend_bytes(blob.size)
        return _BundleFile(
            artifact, claimed, registry.read_blob(repository, blob.digest, blob.size)
        )
    except RegistryError as error:
        return _BundleFile(artifact, claimed, problem=_describe_served(error))
    except GateRefused as error:
        return _BundleFile(artifact, claimed, problem=error.message)


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
        raise GateRefused(f"{max(0, len(blobs) - 1)} files, and a bundle has one", NOT_USABLE)
    is_empty = (blobs[0].digest, blobs[0].size) == (sha256(EMPTY_CONFIG), len(EMPTY_CONFIG))
    is_bundle = manifest.artifact_type == blobs[1].media_type == BUNDLE
    if not (is_empty and is_bundle) or len(manifest.body) > MAX_MANIFEST_BYTES:
        raise GateRefused("its manifest holds more than a bundle has", NOT_USABLE)
    return blobs[1]


def _claimed_type(listed: Referrer) -> str:
    return clean_line(listed.annotations.get(_PREDICATE_TYPE, ""), 120)


def _verify_file(file: _BundleFile, digest: str, trusted: Trusted) -> FoundEvidence:
    if file.problem:
        return FoundEvidence(
            file.artifact, file.claimed, None, "", "", clean_line(file.problem), file.sealed
        )
    try:
        made = verify_bundle(file.data, trusted)
        about = statement.from_json(made.payload)
        if about.subject != digest:
            raise GateRefused(  # noqa: TRY301
                f"it is about {about.subject}, not this image", NOT_USABLE
            )
        kind = find_kind(about.predicate_type)
        if kind and kind.decides and not trusted.may_decide(made.signer):
            raise GateRefused(  # noqa: TRY301
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
