"""A real distribution registry that wants an account and speaks TLS with a certificate of its
own.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import ipaddress
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import requests
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ADDRESS = "127.0.0.2"
"""Loopback, and not one of the two addresses that are spoken to in plain HTTP."""
USER, PASSWORD = "me", "pass:word"
_ENTRY = (
    "me:$2y$04$abcdefghijklmnopqrstuu7govE5p0NSk1WUEk5C2Qm3hpPC6VJ66"  # bcrypt, cost 4, of PASSWORD
)


def log_in(folder: Path, host: str, user: str = USER, password: str = PASSWORD) -> None:
    """As `docker login` leaves it in the folder of DOCKER_CONFIG."""
    secret = base64.b64encode(f"{user}:{password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": secret}}}))


@contextlib.contextmanager
def secured(folder: Path, port: int) -> Iterator[str]:
    """Started; `certificate.pem` and Docker's `config.json` lie in the folder."""
    host = f"{ADDRESS}:{port}"
    log_in(folder, host)
    _certify(folder)
    (folder / "htpasswd").write_text(_ENTRY)
    (folder / "registry.yml").write_text(yaml.safe_dump(_configuration(folder, host)))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "registry.yml")], stdout=log, stderr=log
        )
    try:
        _await(host, folder / "certificate.pem")
        yield host
    finally:
        process.terminate()
        process.wait(10)


def _configuration(folder: Path, host: str) -> dict[str, object]:
    tls = {"certificate": str(folder / "certificate.pem"), "key": str(folder / "key.pem")}
    return {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "auth": {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}},
        "http": {"addr": host, "tls": tls},
    }


def _certify(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )


def _await(host: str, certificate: Path) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            if (
                requests.get(f"https://{host}/v2/", verify=str(certificate), timeout=2).status_code
                == 401
            ):
                return
        time.sleep(0.05)
    raise AssertionError(f"no registry on {host}")
