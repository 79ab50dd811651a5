"""Envelopes and keys: what a trusted key signed is opened, everything else refused."""

from __future__ import annotations

import base64
import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from publish.evidence import keys
from publish.evidence.dsse import encode_message, sign_payload, verify_envelope_bytes
from publish.evidence.keys import (
    PASSPHRASE,
    SIGNING_KEY,
    TRUSTED_KEYS,
    PrivateKey,
    compute_key_id,
    load_signing_key,
    load_trusted_keys,
)
from publish.evidence.statement import MEDIA_TYPE
from runner.errors import ConfigError, GateRefused
from tests.fakes.refusal import refused
from tests.publish.signed import ED25519, P256, STRANGER, public, public_pem

PAYLOAD = b'{"a":1}'
BOTH = pytest.mark.parametrize("key", [P256, ED25519], ids=["P-256", "Ed25519"])


@BOTH
def test_round_trip(key: PrivateKey) -> None:
    opened = verify_envelope_bytes(sign_payload(PAYLOAD, key), public(STRANGER, key))
    assert (opened.payload, opened.signer) == (PAYLOAD, compute_key_id(key.public_key()))


@BOTH
def test_the_same_payload_and_key_are_the_same_envelope(key: PrivateKey) -> None:
    assert sign_payload(PAYLOAD, key) == sign_payload(PAYLOAD, key)


def test_the_example_of_the_specification() -> None:
    """protocol.md of DSSE 1.0: PAE, ECDSA by RFC 6979, and base64, all at once.

    Only the signature's form differs.
    """
    secret = 97358161215184420915383655311931858321456579547487070936769975997791359926199
    example = (
        "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
    )
    key = ec.derive_private_key(secret, ec.SECP256R1())
    made = json.loads(sign_payload(b"hello world", key, "http://example.com/HelloWorld"))
    signature = decode_dss_signature(base64.b64decode(made["signatures"][0]["sig"]))
    assert b"".join(part.to_bytes(32, "big") for part in signature) == base64.b64decode(example)
    assert made["payload"] == "aGVsbG8gd29ybGQ="


def test_lengths_are_of_bytes() -> None:
    assert encode_message("ü".encode(), b"") == b"DSSEv1 2 \xc3\xbc 0 "


def envelope(key: PrivateKey = P256, **fields: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(sign_payload(PAYLOAD, key))
    return content | fields


def opened(content: object) -> bytes:
    return verify_envelope_bytes(json.dumps(content).encode(), public(P256)).payload


def signature(key: PrivateKey = P256, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = envelope(key)["signatures"][0]
    return made | fields


def flipped(text: str) -> str:
    data = bytearray(base64.b64decode(text))
    data[-1] ^= 1
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("hint", [None, ""], ids=["no key id", "an empty key id"])
def test_a_key_id_is_only_a_hint(hint: str | None) -> None:
    assert opened(envelope(signatures=[signature(keyid=hint)])) == PAYLOAD


def test_a_key_signs_under_its_own_id_alone() -> None:
    content = envelope(signatures=[signature(ED25519, keyid=signature()["keyid"])])
    with refused(GateRefused, "of no trusted key"):
        verify_envelope_bytes(json.dumps(content).encode(), public(P256, ED25519))


def test_base64_for_urls_is_read_too() -> None:
    content = json.loads(sign_payload(b"\xff\xfe?>", P256))
    assert "/" in content["payload"]
    content["payload"] = content["payload"].replace("/", "_").replace("+", "-")
    assert opened(content) == b"\xff\xfe?>"


def test_fields_nobody_knows_are_left_alone() -> None:
    assert opened(envelope(more=1, signatures=[signature(more=2)])) == PAYLOAD


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(envelope(STRANGER), "not trusted", id="a stranger's key"),
        pytest.param(
            envelope(signatures=[signature(STRANGER, keyid="")]),
            "of no trusted key",
            id="no key id",
        ),
        pytest.param(
            envelope(signatures=[signature(STRANGER, keyid=signature()["keyid"])]),
            "of no trusted key",
            id="a lent key id",
        ),
        pytest.param(
            envelope(signatures=[signature(keyid="0" * 64)]), "not trusted", id="an unknown key id"
        ),
        pytest.param(
            envelope(signatures=[signature(keyid=[1])]), "not trusted", id="a key id that is a list"
        ),
        pytest.param(
            envelope(payload=base64.b64encode(b'{"a":2}').decode()),
            "of no trusted key",
            id="edited payload",
        ),
        pytest.param(
            envelope(signatures=[signature(sig=flipped(signature()["sig"]))]),
            "of no trusted key",
            id="edited signature",
        ),
        pytest.param(
            envelope(signatures=[signature(sig="")]), "of no trusted key", id="an empty signature"
        ),
        pytest.param(
            envelope(payloadType="application/json"), "of no trusted key", id="edited type"
        ),
        pytest.param(
            json.loads(sign_payload(PAYLOAD, P256, "application/json")),
            "b'application/json', not",
            id="signed as another type",
        ),
        pytest.param(
            envelope(payloadType=MEDIA_TYPE.upper()), "of no trusted key", id="type in capitals"
        ),
        pytest.param(
            envelope(signatures=[signature(), signature()]),
            "one signature",
            id="the same signature twice",
        ),
        pytest.param(
            envelope(signatures=[signature(), signature(STRANGER)]),
            "one signature",
            id="a stranger's beside",
        ),
        pytest.param(envelope(signatures=[]), "one signature", id="no signature"),
        pytest.param(envelope(signatures=None), "one signature", id="null for signatures"),
        pytest.param(envelope(signatures=["x"]), "one signature", id="text for a signature"),
        pytest.param(envelope(payload=7), "not an envelope", id="a number for a payload"),
        pytest.param(envelope(payload="%%%"), "not an envelope", id="no base64"),
        pytest.param(envelope(payloadType="\ud800"), "not JSON", id="a type that is no text"),
        pytest.param({}, "not an envelope", id="nothing"),
        pytest.param([], "not a JSON object", id="a list"),
    ],
)
def test_what_is_not_opened(content: Any, words: str) -> None:
    with refused(GateRefused, words):
        opened(content)


def test_a_payload_given_twice_is_not_opened() -> None:
    forged = base64.b64encode(b'{"a":2}').decode()
    with refused(GateRefused, "'payload' is given twice"):
        verify_envelope_bytes(
            sign_payload(PAYLOAD, P256).replace(
                b'{"payload"', b'{"payload":"%s","payload"' % forged.encode()
            ),
            public(P256),
        )


def test_trusting_nobody_opens_nothing() -> None:
    with refused(GateRefused, "not trusted"):
        verify_envelope_bytes(sign_payload(PAYLOAD, P256), {})


def test_half_an_envelope_is_not_opened() -> None:
    whole = sign_payload(PAYLOAD, P256)
    for length in range(len(whole)):
        with refused(GateRefused):
            verify_envelope_bytes(whole[:length], public(P256))


# Keys


def pem(key: PrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(scope="module")
def an_rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused


@pytest.mark.parametrize("passphrase", ["", "long and secret"], ids=["plain", "encrypted"])
def test_a_pair_is_made_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passphrase: str
) -> None:
    monkeypatch.setenv(PASSPHRASE, passphrase)
    private, public = keys.generate_pair(tmp_path / "new", "release")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert ("ENCRYPTED" in private.read_text()) == bool(passphrase)
    envelope = sign_payload(PAYLOAD, load_signing_key(str(private)))
    assert verify_envelope_bytes(envelope, load_trusted_keys([str(public)])).payload == PAYLOAD


def test_a_pair_is_never_replaced(tmp_path: Path) -> None:
    private, _ = keys.generate_pair(tmp_path, "release")
    before = private.read_text()
    with refused(ConfigError, "is there already"):
        keys.generate_pair(tmp_path, "release")
    assert private.read_text() == before


@BOTH
def test_keys_from_the_environment(tmp_path: Path, key: PrivateKey) -> None:
    path = tmp_path / "release.key"
    path.write_text(pem(key))
    for given in (pem(key), str(path)):
        assert compute_key_id(
            load_signing_key(environ={SIGNING_KEY: given}).public_key()
        ) == compute_key_id(key.public_key())
    several = public_pem(STRANGER) + public_pem(key)
    assert set(load_trusted_keys(environ={TRUSTED_KEYS: several})) == set(public(STRANGER, key))


def test_a_key_id_is_the_digest_of_what_is_in_the_public_pem() -> None:
    der = base64.b64decode("".join(public_pem(P256).splitlines()[1:-1]))
    assert compute_key_id(P256.public_key()) == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize(
    "given",
    ["", "nowhere/release.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"],
)
def test_no_signing_key(given: str) -> None:
    with refused(ConfigError, "key"):
        load_signing_key(given, {})


def test_an_encrypted_key_wants_its_passphrase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSPHRASE, "right")
    private, _ = keys.generate_pair(tmp_path, "release")
    with refused(ConfigError, "is encrypted", PASSPHRASE):
        load_signing_key(str(private), {})
    with refused(ConfigError, "another passphrase"):
        load_signing_key(str(private), {PASSPHRASE: "wrong"})


@pytest.mark.parametrize("kind", ["P-384", "RSA"])
def test_other_kinds_of_keys(kind: str, an_rsa_key: rsa.RSAPrivateKey) -> None:
    key = an_rsa_key if kind == "RSA" else ec.generate_private_key(ec.SECP384R1())
    with refused(ConfigError, "not an ECDSA P-256 or an Ed25519 key"):
        load_signing_key(pem(key))
    with refused(ConfigError, "not an ECDSA P-256 or an Ed25519 key"):
        load_trusted_keys([public_pem(key)])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param([], "no public key to verify", id="none"),
        pytest.param(["nowhere.pub"], "cannot read", id="no such file"),
        pytest.param(
            [pem(P256)], "this is a private key, and a public key is needed", id="private"
        ),
        pytest.param(["-----BEGIN CERTIFICATE-----"], "no public key in PEM", id="a certificate"),
        pytest.param(
            ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"],
            "cannot be read",
            id="not a key inside",
        ),
    ],
)
def test_no_key_to_public(given: list[str], words: str) -> None:
    with refused(ConfigError, words):
        load_trusted_keys(given, {})


def test_no_error_shows_a_private_key() -> None:
    text = pem(P256)
    for broken in (text.replace("BEGIN PRIVATE", "BEGIN EC PRIVATE"), text[:-40]):
        with pytest.raises(ConfigError) as caught:
            load_signing_key(broken)
        assert text.splitlines()[1][:20] not in str(caught.value)


def test_a_file_that_is_no_text_holds_no_key(tmp_path: Path) -> None:
    (tmp_path / "release.key").write_bytes(b"\xff\x00")
    with refused(ConfigError, "holds no key in PEM"):
        load_signing_key(str(tmp_path / "release.key"))
