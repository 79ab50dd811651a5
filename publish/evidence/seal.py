"""Seals: a signature in a referrer's annotations, verified without fetching the manifest.

An account that may write to a repository can attach thousands of artifacts that claim to be
evidence, and it takes two requests to find out that one of them is not. A list of referrers carries
the annotations of every artifact. One of them, the seal, holds a signature over the subject, the
other annotations and the one blob of the artifact. The reader makes the manifest again from these
and compares its digest with the listed one: an entry that was copied or changed has another digest.
So a forged seal costs no request, and any number of them hides nothing that a trusted key sealed.

A certificate of Sigstore signs statements only, so its artifacts have no seal, and neither have
those of other tools. They are read one by one, up to a limit (publish/evidence/store.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from oci.manifest import (
    EMPTY_CONFIG,
    OCI_EMPTY,
    TITLE,
    Descriptor,
    Manifest,
    canonical_json,
    image_manifest,
    parse_descriptor,
    sha256,
)
from oci.referrer_list import Referrer
from publish.evidence import dsse
from publish.evidence.keys import PrivateKey, PublicKeys
from runner.errors import GateRefused
from runner.redaction import hide_in_values
from runner.untrusted import Malformed, parse_json

SEAL = "pytorch-cuda-images.seal"
"""The annotation."""
TYPE = "application/vnd.pytorch-cuda-images.seal.v1+json"
MAX_BYTES = 4096

_CONFIG = Descriptor(OCI_EMPTY, sha256(EMPTY_CONFIG), len(EMPTY_CONFIG))


def add_seal(
    notes: Mapping[str, str], subject: Descriptor, blob: Descriptor, key: PrivateKey
) -> dict[str, str]:
    """Return the annotations of an artifact of one blob, with its seal (deterministic)."""
    notes = hide_in_values(dict(notes))  # what is signed is what is pushed
    envelope = parse_json(
        dsse.sign_payload(_encode_payload(notes, subject, blob), key, TYPE), MAX_BYTES * 4
    )
    content = {
        "subject": subject.as_dict(),
        "blob": blob.as_dict(),
        "signatures": envelope["signatures"],
    }
    return {**notes, SEAL: canonical_json(content).decode()}


def rebuild_sealed_manifest(listed: Referrer, subject: str, trusted: PublicKeys) -> Manifest | None:
    """Return the manifest of an artifact about `subject`, or None if no trusted key sealed it.

    It costs no request.
    """
    notes = {name: text for name, text in listed.annotations.items() if name != SEAL}
    try:
        content = parse_json(listed.annotations.get(SEAL, ""), MAX_BYTES)
        about, blob = parse_descriptor(content["subject"]), parse_descriptor(content["blob"])
        envelope = {
            "payload": dsse.encode_base64(_encode_payload(notes, about, blob)),
            "payloadType": TYPE,
            "signatures": content["signatures"],
        }
        dsse.verify_envelope(envelope, trusted, TYPE)
    except (Malformed, GateRefused, KeyError, TypeError):
        return None
    named = replace(blob, title=listed.annotations.get(TITLE, ""))
    made = image_manifest(_CONFIG, [named], listed.annotations, listed.artifact_type, about)
    return made if about.digest == subject and made.digest == listed.descriptor.digest else None


def _encode_payload(notes: Mapping[str, str], subject: Descriptor, blob: Descriptor) -> bytes:
    return canonical_json(
        {"annotations": dict(notes), "subject": subject.as_dict(), "blob": blob.as_dict()}
    )
