"""Sigstore in this process: an authority (Fulcio), a log (Rekor v1), and a CI that says who is
running.

It is there because the public services can be reached neither from a test nor without leaving a
trace in a public log for ever, and because no real service fails when told to. What signs and
verifies here is the real library, over HTTP on loopback, by a client trust configuration as any
private instance has one; only the other side is made up. It is as strict as the library asks:
certificates carry the timestamp of their own log, entries come with promise, proof of inclusion and
signed checkpoint. That all of it is as the real services do it shows in that the library,
unchanged, believes it, as it believes a bundle of the public instance (test_keyless.py).
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from oci.manifest import canonical_json
from publish.evidence.trust import Identity

ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOW = "ORG/REPO/.github/workflows/release.yml@refs/heads/main"
SIGNER = Identity(ISSUER, f"https://github.com/{WORKFLOW}")
STRANGER = Identity(
    ISSUER, "https://github.com/SOMEBODY/ELSE/.github/workflows/release.yml@refs/heads/main"
)

_SCTS = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_ISSUER_OIDS = (
    x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1"),
    x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8"),
)
_DAY = datetime.timedelta(days=1)

Key = ec.EllipticCurvePrivateKey


@dataclass
class Faults:
    """What goes wrong from now on: statuses that the services answer with instead of anything else,
    and what they do.

    `authority_says` and `log_says` are served as they are. The certificate is for `certified`, if
    that is set; its timestamp is a `stranger`'s; the log `drops` the entry and answers with one
    that is not in it, or leaves its promise `unsigned`; a token has `expired`; the log is `silent`
    until it is stopped.
    """

    ci: int = 0
    authority: int = 0
    log: int = 0
    authority_says: bytes | None = None
    log_says: bytes | None = None
    certified: Identity | None = None
    stranger: bool = False
    drops: bool = False
    unsigned: bool = False
    expired: bool = False
    silent: bool = False


class FakeSigstore:
    """Started on a free port of loopback; a context manager.

    `signer` is who the CI says is running, on GitHub.
    """

    def __init__(self, signer: Identity = SIGNER) -> None:
        self.signer = signer
        self.faults = Faults()
        self.requests: list[str] = []
        self.stopped = threading.Event()
        self._authority, self._certificates_log, self._log = (_key() for _ in range(3))
        self._root = _root(self._authority)
        self._leaves: list[bytes] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Bound", (_Handler,), {"sigstore": self})
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    def __enter__(self) -> FakeSigstore:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Answer nothing any more."""
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def configuration(self, folder: Path) -> Path:
        """The file of the client trust configuration, in `folder`."""
        path = folder / "trust.json"
        path.write_text(json.dumps(self._configuration()))
        return path

    def environment(self) -> dict[str, str]:
        """What a job of GitHub Actions with `id-token: write` has in its environment."""
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": "ORG/REPO",
            "GITHUB_WORKFLOW_REF": WORKFLOW,
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_SHA": "0" * 40,
            "GITHUB_RUN_ID": "1",
            "GITHUB_RUN_ATTEMPT": "1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of a fake",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.address}/token?api-version=2.0",
            "NO_PROXY": "127.0.0.1",
        }

    def answer(self, method: str, path: str, authorization: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of what a request gets."""
        self.requests.append(f"{method} {path.partition('?')[0]}")
        if path.startswith("/token?"):
            return self.faults.ci or 200, json.dumps({"value": self._token()}).encode()
        if path == "/api/v2/signingCert":
            return self._certify(authorization.removeprefix("Bearer "), json.loads(body))
        if path == "/api/v1/log/entries":
            return self._enter(json.loads(body))
        return 404, b"{}"

    # The CI

    def _token(self) -> str:
        """As GitHub's: its subject is not what the certificate will name, the workflow is."""
        now = int(time.time())
        ends = now - 60 if self.faults.expired else now + 300
        said = {
            "iss": self.signer.issuer,
            "aud": "sigstore",
            "iat": now - 120,
            "exp": ends,
            "sub": "repo:ORG/REPO",
        }
        said["job_workflow_ref"] = self.signer.name.removeprefix("https://github.com/")
        return ".".join(
            _url_base64(part) for part in (b'{"alg":"none"}', json.dumps(said).encode(), b"none")
        )

    # The authority

    def _certify(self, token: str, asked: dict[str, Any]) -> tuple[int, bytes]:
        if self.faults.authority:
            return self.faults.authority, b'{"code": 3, "message": "refused by a fake"}'
        if self.faults.authority_says is not None:
            return 200, self.faults.authority_says
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        identity = self.faults.certified or Identity(
            claims["iss"], f"https://github.com/{claims['job_workflow_ref']}"
        )
        request = x509.load_pem_x509_csr(base64.b64decode(asked["certificateSigningRequest"]))
        chain = [self._certificate(request, identity), self._root]
        pems = [each.public_bytes(Encoding.PEM).decode() for each in chain]
        return 200, json.dumps(
            {"signedCertificateEmbeddedSct": {"chain": {"certificates": pems}}}
        ).encode()

    def _certificate(
        self, request: x509.CertificateSigningRequest, identity: Identity
    ) -> x509.Certificate:
        """What is logged is the certificate without the timestamp that the log gives for it (RFC
        6962, 3.2).
        """
        builder = _leaf(request, identity, self._root)
        logged = builder.sign(self._authority, SHA256())
        scts = self._timestamps(logged.tbs_certificate_bytes)
        return builder.add_extension(x509.UnrecognizedExtension(_SCTS, scts), critical=False).sign(
            self._authority, SHA256()
        )

    def _timestamps(self, logged: bytes) -> bytes:
        key = _key() if self.faults.stranger else self._certificates_log
        at = int(time.time() * 1000)
        entry = (
            hashlib.sha256(_der(self._authority)).digest() + len(logged).to_bytes(3, "big") + logged
        )
        signature = key.sign(
            struct.pack("!BBQH", 0, 0, at, 1) + entry + b"\0\0", ec.ECDSA(SHA256())
        )
        head = b"\0" + _id(self._certificates_log) + struct.pack("!QH", at, 0)
        sct = head + b"\x04\x03" + struct.pack("!H", len(signature)) + signature
        listed = struct.pack("!HH", len(sct) + 2, len(sct)) + sct
        return b"\x04" + _length(len(listed)) + listed

    # The log

    def _enter(self, asked: dict[str, Any]) -> tuple[int, bytes]:
        if self.faults.silent:
            self.stopped.wait()
        if self.faults.log:
            return self.faults.log, json.dumps(
                {"code": self.faults.log, "message": "refused by a fake"}
            ).encode()
        if self.faults.log_says is not None:
            return 201, self.faults.log_says
        body = _body(asked["spec"]["proposedContent"])
        with self._lock:
            self._leaves += [b"an entry of somebody else", *([] if self.faults.drops else [body])]
            return 201, json.dumps({"0" * 80: self._entry(body, tuple(self._leaves))}).encode()

    def _entry(self, body: bytes, leaves: Sequence[bytes]) -> dict[str, Any]:
        index, root = len(leaves) - 1, _tree(leaves)
        stated = {
            "body": base64.b64encode(body).decode(),
            "integratedTime": int(time.time()),
            "logID": _id(self._log).hex(),
            "logIndex": index,
        }
        promise = (_key() if self.faults.unsigned else self._log).sign(
            canonical_json(stated), ec.ECDSA(SHA256())
        )
        proof = {
            "checkpoint": self._checkpoint(len(leaves), root),
            "hashes": [each.hex() for each in _path(index, leaves)],
            "logIndex": index,
            "rootHash": root.hex(),
            "treeSize": len(leaves),
        }
        verification = {
            "inclusionProof": proof,
            "signedEntryTimestamp": base64.b64encode(promise).decode(),
        }
        return {**stated, "verification": verification}

    def _checkpoint(self, size: int, root: bytes) -> str:
        """A signed note (transparency-dev/formats, log)."""
        note = f"fake - 1\n{size}\n{base64.b64encode(root).decode()}\n"
        signature = _id(self._log)[:4] + self._log.sign(note.encode(), ec.ECDSA(SHA256()))
        return f"{note}\n\u2014 fake {base64.b64encode(signature).decode()}\n"

    def _configuration(self) -> dict[str, Any]:
        always = {"start": "2020-01-01T00:00:00Z"}
        service = {
            "url": self.address,
            "majorApiVersion": 1,
            "validFor": always,
            "operator": "a test",
        }
        root = {"rawBytes": base64.b64encode(self._root.public_bytes(Encoding.DER)).decode()}
        subject = {"organization": "a test", "commonName": "an authority"}
        authority = {
            "subject": subject,
            "uri": self.address,
            "certChain": {"certificates": [root]},
            "validFor": always,
        }
        return {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": {
                "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                "tlogs": [_log(self.address, self._log, always)],
                "certificateAuthorities": [authority],
                "ctlogs": [_log(self.address, self._certificates_log, always)],
                "timestampAuthorities": [],
            },
            "signingConfig": {
                "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
                "caUrls": [service],
                "oidcUrls": [],
                "rekorTlogUrls": [service],
                "tsaUrls": [],
                "rekorTlogConfig": {"selector": "ANY"},
                "tsaConfig": {"selector": "ANY"},
            },
        }


class _Handler(BaseHTTPRequestHandler):
    sigstore: FakeSigstore

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        authorization = self.headers.get("Authorization", "")
        status, answer = self.sigstore.answer(self.command, self.path, authorization, body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


def _root(key: Key) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.BasicConstraints(True, 0), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return builder.sign(key, SHA256())


def _leaf(
    request: x509.CertificateSigningRequest, identity: Identity, root: x509.Certificate
) -> x509.CertificateBuilder:
    """Of ten minutes, for an identity (sigstore/fulcio, docs/certificate-specification.md)."""
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    issued = x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key())  # type: ignore[arg-type] # the key was made here, of a kind that is allowed
    name = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity.name)])
    issuer = identity.issuer.encode()
    values = issuer, b"\x0c" + _length(len(issuer)) + issuer
    builder = (
        x509.CertificateBuilder(
            root.subject, x509.Name([]), request.public_key(), x509.random_serial_number()
        )
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(minutes=10))
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        .add_extension(issued, critical=False)
        .add_extension(name, critical=True)
    )
    for oid, value in zip(_ISSUER_OIDS, values, strict=True):
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    return builder


def _usage(*, signs: bool) -> x509.KeyUsage:
    """Of whoever signs, else of an authority."""
    return x509.KeyUsage(signs, False, False, False, False, not signs, not signs, False, False)


def _body(proposed: dict[str, Any]) -> bytes:
    """What the log keeps of an envelope: hashes, the signature and who verifies it (rekor, types
    dsse 0.0.1).
    """
    envelope = json.loads(proposed["envelope"])
    signatures = [
        {"signature": made["sig"], "verifier": verifier}
        for made, verifier in zip(envelope["signatures"], proposed["verifiers"], strict=True)
    ]
    spec = {
        "envelopeHash": _hash(proposed["envelope"].encode()),
        "payloadHash": _hash(base64.b64decode(envelope["payload"])),
        "signatures": signatures,
    }
    return canonical_json({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec})


def _hash(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}


def _tree(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree's root (RFC 6962, 2.1)."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    at = _split(len(leaves))
    return hashlib.sha256(b"\1" + _tree(leaves[:at]) + _tree(leaves[at:])).digest()


def _path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The hashes that lead from a leaf to the root (RFC 6962, 2.1.1)."""
    if len(leaves) == 1:
        return []
    at = _split(len(leaves))
    if index < at:
        return [*_path(index, leaves[:at]), _tree(leaves[at:])]
    return [*_path(index - at, leaves[at:]), _tree(leaves[:at])]


def _split(size: int) -> int:
    """The largest power of two below."""
    return 1 << (size - 1).bit_length() - 1


def _log(address: str, key: Key, always: dict[str, str]) -> dict[str, Any]:
    public = {
        "rawBytes": base64.b64encode(_der(key)).decode(),
        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
        "validFor": always,
    }
    named = {"keyId": base64.b64encode(_id(key)).decode()}
    return {"baseUrl": address, "hashAlgorithm": "SHA2_256", "publicKey": public, "logId": named}


def _key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def _der(key: Key) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _id(key: Key) -> bytes:
    return hashlib.sha256(_der(key)).digest()


def _length(size: int) -> bytes:
    """A length in DER."""
    if size < 128:
        return bytes([size])
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([128 + len(digits)]) + digits


def _url_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
