"""A bundle that the public Sigstore instance stands behind, held against its real roots of trust
(`real/README.md`).
"""

from __future__ import annotations

import base64
import datetime
import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from sigstore._internal.tuf import DEFAULT_TUF_URL, STAGING_TUF_URL

from publish.evidence import keyless, statement
from publish.evidence.keys import TRUSTED_KEYS
from publish.evidence.strict_json import json_object
from publish.evidence.trust import (
    EXAMPLE,
    SIGSTORE_CONFIG,
    TRUSTED_IDENTITIES,
    Identity,
    SigstoreInstance,
    Trusted,
    load_trusted_identities,
    read_embedded_config,
    resolve_trusted,
)
from runner.errors import ConfigError, GateRefused
from tests.fakes.refusal import refused
from tests.publish.signed import ED25519, P256, public, public_pem

REAL = Path(__file__).parent / "real/public_instance.sigstore.json"
ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOW = "https://github.com/trailofbits/pypi-attestation-models/.github/workflows/release.yml"
SIGNER = Identity(ISSUER, f"{WORKFLOW}@refs/tags/v0.0.4a2")
ANOTHER = Identity(ISSUER, f"{WORKFLOW}@refs/heads/main")

Bundle = dict[str, Any]
Change = Callable[[Bundle], object]


def real() -> Bundle:
    return json_object(REAL.read_bytes(), "the bundle")


def believing(*identities: Identity) -> Trusted:
    return Trusted({}, identities)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verifying needs none, and a test that reached for one would not be about this."""

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


# What is believed


@pytest.mark.parametrize(
    "identities", [(SIGNER,), (ANOTHER, SIGNER)], ids=["alone", "among others"]
)
def test_the_right_identity_opens_it(identities: tuple[Identity, ...]) -> None:
    opened = keyless.verify_certified(real(), believing(*identities))
    assert opened.signer == f"{ISSUER}={WORKFLOW}@refs/tags/v0.0.4a2"
    assert opened.payload == base64.b64decode(real()["dsseEnvelope"]["payload"])
    about = statement.from_json(opened.payload)
    assert about.name == "pypi_attestation_models-0.0.4a2.tar.gz"
    assert (
        about.subject == "sha256:c9709ce6fd5b67b59b4a28758cf14d3f411803c4b89b6068b1f1a8e4ee94c8ef"
    )


# What is not


@pytest.mark.parametrize(
    "identity",
    [
        pytest.param(ANOTHER, id="another ref"),
        pytest.param(Identity(ISSUER, WORKFLOW), id="no ref"),
        pytest.param(Identity(ISSUER, f"{WORKFLOW}@refs/tags/v0.0.4a22"), id="longer"),
        pytest.param(Identity(ISSUER, SIGNER.name.upper()), id="in capitals"),
        pytest.param(Identity("https://gitlab.com", SIGNER.name), id="another issuer"),
        pytest.param(Identity(f"{ISSUER}/", SIGNER.name), id="almost the issuer"),
        pytest.param(Identity("", SIGNER.name), id="no issuer"),
    ],
)
def test_any_other_identity_is_refused_and_the_right_one_named(identity: Identity) -> None:
    with refused(GateRefused, f"signed by '{SIGNER}', which is not trusted", TRUSTED_IDENTITIES):
        keyless.verify_certified(real(), believing(identity))


def test_a_key_is_no_identity() -> None:
    with refused(
        GateRefused, "signed by a certificate, and no identity is trusted", TRUSTED_IDENTITIES
    ):
        keyless.verify_certified(real(), Trusted(public(P256)))


def flipped(text: str, at: int = -1) -> str:
    data = bytearray(base64.b64decode(text))
    data[at] ^= 1
    return base64.b64encode(data).decode()


def entry(content: Bundle) -> Any:
    return content["verificationMaterial"]["tlogEntries"][0]


def flip(*path: str) -> Change:
    """Flip the last bit of one field of the log's entry."""

    def change(content: Bundle) -> None:
        place = entry(content)
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = flipped(place[path[-1]])

    return change


def edit_payload(content: Bundle) -> None:
    payload = json.loads(base64.b64decode(content["dsseEnvelope"]["payload"]))
    payload["subject"][0]["digest"]["sha256"] = "0" * 64
    content["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()


def edit_signature(content: Bundle) -> None:
    made = content["dsseEnvelope"]["signatures"][0]
    made["sig"] = flipped(made["sig"])


def forge(content: Bundle) -> ec.EllipticCurvePrivateKey:
    """Another certificate that says all that the real one does, and is of a key that the forger
    has.
    """
    place = content["verificationMaterial"]["certificate"]
    was = x509.load_der_x509_certificate(base64.b64decode(place["rawBytes"]))
    key = ec.generate_private_key(ec.SECP256R1())
    made = x509.CertificateBuilder(was.issuer, was.subject, key.public_key(), was.serial_number)
    made = made.not_valid_before(was.not_valid_before_utc).not_valid_after(was.not_valid_after_utc)
    for extension in was.extensions:
        made = made.add_extension(extension.value, extension.critical)
    certificate = made.sign(key, SHA256()).public_bytes(Encoding.DER)
    place["rawBytes"] = base64.b64encode(certificate).decode()
    return key


def forge_and_sign(content: Bundle) -> None:
    key, envelope = forge(content), content["dsseEnvelope"]
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
    signature = key.sign(
        b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload), ec.ECDSA(SHA256())
    )
    envelope["signatures"][0]["sig"] = base64.b64encode(signature).decode()


def later(content: Bundle) -> None:
    entry(content)["integratedTime"] = str(
        int(datetime.datetime(2026, 11, 20, tzinfo=datetime.UTC).timestamp())
    )


CHANGES: dict[str, tuple[Change, str]] = {
    "edited payload": (edit_payload, "DSSE: invalid signature"),
    "edited signature": (edit_signature, "DSSE: invalid signature"),
    "another payload type": (
        lambda content: content["dsseEnvelope"].update(payloadType="text/plain"),
        "DSSE: invalid signature",
    ),
    "two signatures": (
        lambda content: content["dsseEnvelope"]["signatures"].append({"sig": "AAAA"}),
        "exactly one signature",
    ),
    "no signature": (
        lambda content: content["dsseEnvelope"]["signatures"].clear(),
        "exactly one signature",
    ),
    "no envelope": (lambda content: content.pop("dsseEnvelope"), "dsseEnvelope must be set"),
    "another certificate": (forge, "signature does not match"),
    "another certificate that signed": (forge_and_sign, "signature does not match"),
    "half a certificate": (
        lambda content: content["verificationMaterial"]["certificate"].update(rawBytes="MIIH"),
        "error parsing asn1",
    ),
    "an empty certificate": (
        lambda content: content["verificationMaterial"].update(certificate={}),
        "certificate.rawBytes",
    ),
    "no log entry": (
        lambda content: content["verificationMaterial"]["tlogEntries"].clear(),
        "exactly one log entry",
    ),
    "no list of log entries": (
        lambda content: content["verificationMaterial"].pop("tlogEntries"),
        "tlogEntries",
    ),
    "the log entry twice": (
        lambda content: content["verificationMaterial"]["tlogEntries"].append(entry(content)),
        "exactly one log entry",
    ),
    "no inclusion proof": (lambda content: entry(content).pop("inclusionProof"), "inclusionProof"),
    "no checkpoint": (
        lambda content: entry(content)["inclusionProof"].pop("checkpoint"),
        "with checkpoint",
    ),
    "no promise": (lambda content: entry(content).pop("inclusionPromise"), "inclusion promise"),
    "an edited promise": (
        flip("inclusionPromise", "signedEntryTimestamp"),
        "invalid inclusion promise",
    ),
    "an edited root": (flip("inclusionProof", "rootHash"), "invalid root hash"),
    "a step of the proof removed": (
        lambda content: entry(content)["inclusionProof"]["hashes"].pop(),
        "wrong size",
    ),
    "an edited log body": (flip("canonicalizedBody"), "invalid root hash"),
    "a later time": (later, "not valid at validation time"),
    "a log nobody knows": (flip("logId", "keyId"), "invalid log entry"),
    "another format": (
        lambda content: content.update(
            mediaType="application/vnd.dev.sigstore.bundle+json;version=0.1"
        ),
        "version=0.1",
    ),
    "no format": (lambda content: content.pop("mediaType"), "of type None"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_changed_is_refused(name: str) -> None:
    content, (change, words) = real(), CHANGES[name]
    change(content)
    assert content != real()
    with refused(GateRefused, words):
        keyless.verify_certified(content, believing(SIGNER))


def test_whatever_is_taken_away_is_missed() -> None:
    """No part of it is for show."""
    for path in places(real()):
        content = real()
        place: Any = content
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]
        with refused(GateRefused):
            keyless.verify_certified(content, believing(SIGNER))


def places(content: Any, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    return [path for key, value in inner for path in [(*here, key), *places(value, (*here, key))]]


@pytest.mark.parametrize("value", [None, "", "x", 7, [], {}, True, "9" * 5000, 10**30], ids=repr)
def test_no_shape_of_it_raises_anything_else(value: object) -> None:
    for path in places(real()):
        content = real()
        place: Any = content
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        with refused(GateRefused):
            keyless.verify_certified(content, believing(SIGNER))


def test_what_was_signed_must_be_a_statement() -> None:
    with refused(
        GateRefused, "what was signed is 'application/vnd.in-toto+json', not application/json"
    ):
        keyless.verify_certified(real(), believing(SIGNER), "application/json")


# Who is trusted


def test_identities_come_from_the_environment() -> None:
    environ = {TRUSTED_IDENTITIES: f"\n  {SIGNER}\n{ANOTHER}\n{SIGNER}\n"}
    for found in (resolve_trusted(environ=environ), load_trusted_identities(environ)):
        assert found == Trusted({}, (SIGNER, ANOTHER), SigstoreInstance())


def test_what_is_given_stands_for_what_is_configured(tmp_path: Path) -> None:
    environ = {TRUSTED_IDENTITIES: str(ANOTHER), TRUSTED_KEYS: public_pem(ED25519)}
    assert resolve_trusted(environ=environ) == Trusted(public(ED25519), (ANOTHER,))
    assert resolve_trusted([public_pem(P256)], environ=environ) == Trusted(public(P256))
    assert resolve_trusted(names=[str(SIGNER)], environ=environ) == Trusted({}, (SIGNER,))
    assert resolve_trusted([public_pem(P256)], [str(SIGNER)], environ) == Trusted(
        public(P256), (SIGNER,)
    )


def test_nobody_is_trusted_by_mistake() -> None:
    with refused(ConfigError, "no public key to verify"):
        resolve_trusted(environ={TRUSTED_IDENTITIES: "\n"})
    with refused(ConfigError, "no identity is trusted", TRUSTED_IDENTITIES):
        load_trusted_identities({TRUSTED_KEYS: public_pem(P256)})


@pytest.mark.parametrize(
    "text",
    [
        ISSUER,
        f"{ISSUER}=",
        f"={SIGNER.name}",
        SIGNER.name,
        f"http://issuer.example={SIGNER.name}",
        f"{ISSUER}=https://github.com/ORG/*",
        f"{ISSUER}=two words",
        f"{ISSUER}=one\x00",
        f"{ISSUER}=üomebody",
    ],
)
def test_an_identity_is_whole(text: str) -> None:
    with refused(ConfigError, "is not an identity", EXAMPLE):
        resolve_trusted(names=[text])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="no file"),
        pytest.param("not json", id="no JSON"),
        pytest.param("{}", id="nothing in it"),
        pytest.param("\ud800", id="no text"),
        pytest.param("[" * 200_000, id="nested deep"),
        pytest.param(" " * 5_000_000, id="too large"),
        pytest.param(
            read_embedded_config().replace("trustedroot+json", "something+json"),
            id="of another type",
        ),
        pytest.param(read_embedded_config().replace('"tlogs"', '"logs"'), id="no log"),
        pytest.param(
            re.sub('("rawBytes": *)"[^"]+"', r'\1"MIIH"', read_embedded_config()),
            id="no certificate",
        ),
    ],
)
def test_a_configuration_that_cannot_be_read(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "trust.json"
    if text is not None:
        path.write_bytes(text.encode(errors="surrogatepass"))
    with refused(ConfigError, str(path)):
        resolve_trusted(names=[str(SIGNER)], environ={SIGSTORE_CONFIG: str(path)})


def test_another_instance_does_not_vouch_for_the_public_one(tmp_path: Path) -> None:
    """Staging's roots, which the library carries too."""
    path = tmp_path / "staging.json"
    path.write_text(read_embedded_config(STAGING_TUF_URL))
    with refused(GateRefused, "signature does not match"):
        keyless.verify_certified(real(), Trusted({}, (SIGNER,), SigstoreInstance(str(path))))
    path.write_text(read_embedded_config(DEFAULT_TUF_URL))
    assert keyless.verify_certified(real(), Trusted({}, (SIGNER,), SigstoreInstance(str(path))))
