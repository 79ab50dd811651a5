"""Others' tools read what is published here: securesystemslib and sigstore, with none of our own
code in between.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined] # it does not say what it exports
from sigstore.dsse import Statement
from sigstore_models.bundle.v1 import Bundle

from oci import referrers
from oci.manifest import Manifest
from oci.registry import Registry
from publish.evidence.bundle_files import BUNDLE
from publish.evidence.keyless import KeylessSigner
from publish.evidence.keys import PrivateKey, compute_key_id
from publish.evidence.statement import STATEMENT, to_json
from publish.evidence.store import Signer, publish_statements
from publish.evidence.trust import SigstoreInstance, Trusted
from tests.fakes.registry import FakeRegistry
from tests.fakes.sigstore import SIGNER, STRANGER, FakeSigstore
from tests.publish import signed
from tests.publish.signed import ED25519, P256, about

BOTH = pytest.mark.parametrize("key", [P256, ED25519], ids=["P-256", "Ed25519"])


@pytest.fixture
def client() -> Iterator[Registry]:
    with FakeRegistry(lists_referrers=True) as started:
        yield Registry(started.host)


def bundles(client: Registry, image: Manifest, signer: Signer) -> list[bytes]:
    """What is in the registry after every statement was published, by digest."""
    publish_statements(client, "r", image.descriptor, about(image), signer)
    found = referrers.list_referrers(client, "r", image.digest, BUNDLE)
    return [referrers.fetch_blobs(client, "r", each)[0] for each in found]


def theirs(key: PrivateKey, other: PrivateKey | None = None) -> SSlibKey:
    """A key as securesystemslib has it; `other` under the id of `key`, if that is given."""
    return SSlibKey.from_crypto((other or key).public_key(), compute_key_id(key.public_key()))


@BOTH
def test_securesystemslib_verifies_what_a_key_signed(
    client: Registry, image: Manifest, key: PrivateKey
) -> None:
    payloads = []
    for data in bundles(client, image, key):
        envelope = Envelope.from_dict(json.loads(data)["dsseEnvelope"])
        assert envelope.verify([theirs(key)], 1)
        assert envelope.payload_type == "application/vnd.in-toto+json"
        payloads.append(envelope.payload)
    assert sorted(payloads) == sorted(map(to_json, about(image)))


@BOTH
def test_securesystemslib_refuses_another_key_and_another_payload(
    client: Registry, image: Manifest, key: PrivateKey
) -> None:
    for data in bundles(client, image, key):
        content = json.loads(data)["dsseEnvelope"]
        envelope = Envelope.from_dict(json.loads(json.dumps(content)))
        with pytest.raises(VerificationError):
            envelope.verify([theirs(key, signed.STRANGER)], 1)
        envelope.payload += b" "
        with pytest.raises(VerificationError):
            envelope.verify([theirs(key)], 1)


@BOTH
def test_sigstores_own_model_reads_the_bundle_and_the_statement(
    client: Registry, image: Manifest, key: PrivateKey
) -> None:
    for data in bundles(client, image, key):
        bundle = Bundle.from_json(data)
        hint = bundle.verification_material.public_key
        assert bundle.media_type == BUNDLE
        assert hint is not None
        assert hint.hint == _hint(data)
        assert bundle.dsse_envelope is not None
        stated: Any = Statement(bundle.dsse_envelope.payload)._inner
        assert stated.type_ == STATEMENT
        assert [each.digest.root for each in stated.subjects] == [
            {"sha256": image.digest.removeprefix("sha256:")}
        ]


def _hint(data: bytes) -> str:
    return str(json.loads(data)["verificationMaterial"]["publicKey"]["hint"])


def test_sigstores_own_command_verifies_what_no_key_signed(
    client: Registry, image: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeSigstore() as sigstore:
        for name, value in sigstore.environment().items():
            monkeypatch.setenv(name, value)
        trust = str(sigstore.configuration(tmp_path))
        data = bundles(
            client, image, KeylessSigner(Trusted({}, (SIGNER,), SigstoreInstance(trust)))
        )[0]
    (tmp_path / "bundle.json").write_bytes(data)
    verify = [
        sys.executable,
        "-m",
        "sigstore",
        "--trust-config",
        trust,
        "verify",
        "identity",
        "--bundle",
        "bundle.json",
    ]

    def verified(name: str, digest: str) -> int:
        asked = [*verify, "--cert-oidc-issuer", SIGNER.issuer, "--cert-identity", name, digest]
        return subprocess.run(asked, cwd=tmp_path, capture_output=True, check=False).returncode

    assert verified(SIGNER.name, image.digest) == 0
    assert verified(STRANGER.name, image.digest) == 1
    assert verified(SIGNER.name, signed.OTHER) == 1
