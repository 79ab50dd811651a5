"""Signed envelopes: DSSE 1.0 (secure-systems-lab/dsse, protocol.md and envelope.md).

A signature covers the payload *and* its type, so that no signed thing can be passed off as a thing
of another type. It is deterministic (RFC 6979 for ECDSA): the same payload and key are the same
envelope. ECDSA signatures are in DER, as Sigstore has them. The specification allows several
signatures; Sigstore's bundle, which ours travel in, demands one, and one is all that is accepted
here: what else an envelope carries is nothing anybody here vouched for.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from oci.manifest import canonical_json
from publish.evidence.keys import PrivateKey, PublicKey, PublicKeys, compute_key_id
from publish.evidence.statement import MEDIA_TYPE
from publish.evidence.strict_json import BUNDLE_VALUES, NOT_USABLE, json_object
from runner.errors import GateRefused


@dataclass(frozen=True)
class VerifiedPayload:
    """A payload whose signature was verified, and who made it: a key's id, or an identity."""

    payload: bytes
    signer: str


def sign_payload(payload: bytes, key: PrivateKey, payload_type: str = MEDIA_TYPE) -> bytes:
    """Return the payload in an envelope; the same bytes for the same arguments."""
    message = encode_message(payload_type.encode(), payload)
    if isinstance(key, Ed25519PrivateKey):
        signature = key.sign(message)
    else:
        signature = key.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))
    made = {"keyid": compute_key_id(key.public_key()), "sig": encode_base64(signature)}
    return canonical_json(
        {"payload": encode_base64(payload), "payloadType": payload_type, "signatures": [made]}
    )


def verify_envelope_bytes(
    envelope: bytes, trusted: PublicKeys, payload_type: str = MEDIA_TYPE
) -> VerifiedPayload:
    """Return the payload if a trusted key signed it as `payload_type`.

    The payload is not parsed before its signature is verified. A key id only says which key to try,
    and an envelope need not have one. Raises GateRefused.
    """
    content = json_object(envelope, "the envelope", BUNDLE_VALUES)
    return verify_envelope(content, trusted, payload_type)


def verify_envelope(
    envelope: Mapping[str, Any], trusted: PublicKeys, payload_type: str = MEDIA_TYPE
) -> VerifiedPayload:
    """Return the payload of a parsed envelope, as `verify_envelope_bytes` does."""
    try:
        payload, stated = _decode_base64(envelope["payload"]), envelope["payloadType"].encode()
        (made,) = envelope["signatures"]
        signature, hint = _decode_base64(made["sig"]), str(made.get("keyid") or "")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GateRefused(
            f"not an envelope with one signature ({error!r:.100})", NOT_USABLE
        ) from None
    if hint and hint not in trusted:
        raise GateRefused(
            f"signed by the key {hint[:64]!r}, which is not trusted",
            "trust its public key, if it is yours",
        )
    keys, message = [trusted[hint]] if hint else trusted.values(), encode_message(stated, payload)
    signer = next((key for key in keys if _is_signed_by(key, signature, message)), None)
    if signer is None:
        raise GateRefused(
            "its signature is of no trusted key, or it was changed after it was signed", NOT_USABLE
        )
    if stated != payload_type.encode():
        raise GateRefused(f"what was signed is {stated!r:.100}, not {payload_type}", NOT_USABLE)
    return VerifiedPayload(payload, compute_key_id(signer))


def encode_message(payload_type: bytes, payload: bytes) -> bytes:
    """Return the bytes that are signed: the Pre-Authentication Encoding of DSSE 1.0."""
    return b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type, len(payload), payload)


def encode_base64(data: bytes) -> str:
    """Return the base64 that payloads and signatures are written in."""
    return base64.b64encode(data).decode()


def _is_signed_by(key: PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, message)
        else:
            key.verify(signature, message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _decode_base64(text: Any) -> bytes:  # noqa: ANN401 - anything may stand in an envelope
    """Decode standard or URL-safe base64: a verifier must accept both."""
    if not isinstance(text, str):
        raise TypeError("not base64 text")
    return base64.b64decode(text.translate(str.maketrans("-_", "+/")), validate=True)
