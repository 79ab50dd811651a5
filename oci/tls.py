"""The authorities to trust and the client certificates to show over HTTPS.

Trusted are the machine's authorities and those of `certifi`. REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE,
SSL_CERT_FILE or SSL_CERT_DIR replaces them. In each case, what Docker trusts for the registry is
added (`certs.d/HOST/*.crt`). Client certificates are Docker's too: NAME.cert with NAME.key.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from pathlib import Path

from urllib3.util.ssl_ import create_urllib3_context

from runner import settings
from runner.errors import ConfigError
from runner.redaction import show_value
from runner.untrusted import Malformed, clean_line, read_own_file

CERTIFICATES = (Path("/etc/docker/certs.d"), Path("~/.config/docker/certs.d"))
"""Docker's, and the one of Docker without root (docs.docker.com, "Verify repository client with
certificates").
"""

MAX_FILE_BYTES = 16 << 20
"""Bytes of a file of certificates. Mozilla's list of authorities has 300 KB."""

_BUNDLES = (settings.REQUESTS_CA_BUNDLE, settings.CURL_CA_BUNDLE)
_OPENSSL = (settings.SSL_CERT_FILE, settings.SSL_CERT_DIR)

_UNTRUSTED = (2, 18, 19, 20, 21)  # X509_V_ERR_*: all forms of a missing issuer
_EXPIRED = (9, 10)
_ANOTHER_NAME = (62, 64)


def find_authorities() -> str | bool:
    """Return the file or folder of authorities that replaces certifi's, else True.

    Raises ConfigError if it is missing, or if it holds no certificates.
    """
    named = [
        (variable, value)
        for variable in (*_BUNDLES, *_OPENSSL)
        if (value := os.environ.get(variable))
    ]
    if not named:
        return True
    # OpenSSL reads its own two variables both, and takes what exists of them
    for variable, value in named if named[0][0] in _OPENSSL else named[:1]:
        paths = [path for path in _list_paths(variable, value) if path.exists()]
        if not paths and (variable, value) == named[0]:
            raise _authorities_error(variable, value, "does not exist")
        for path in paths:
            _check_authorities(variable, path)
    first, value = named[0]
    return str(next(path for path in _list_paths(first, value) if path.exists()))


def _list_paths(variable: str, value: str) -> list[Path]:
    """Return the paths that a variable names: SSL_CERT_DIR is a list with colons."""
    parts = value.split(":") if variable == settings.SSL_CERT_DIR else [value]
    return [Path(part) for part in parts if part]


def _check_authorities(variable: str, path: Path) -> None:
    """Raise ConfigError if OpenSSL would read no certificates there, or wait for a FIFO."""
    try:
        if not path.is_dir():
            _require_bounded(path)
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
            return
        for inner in path.iterdir():
            if inner.is_fifo() or inner.is_char_device() or inner.is_block_device():
                raise _authorities_error(variable, path, f"has `{inner.name}`, no regular file")
    except (OSError, Malformed) as error:  # an SSLError is an OSError
        problem = f"cannot be used: {clean_line(str(error), 200)}"
        raise _authorities_error(variable, path, problem) from None


def _authorities_error(variable: str, path: object, problem: str) -> ConfigError:
    shown = show_value(str(path), 200)
    hint = "name a file of certificates in PEM, or a folder of them, or unset it"
    return ConfigError(f"{variable} names `{shown}`, which {problem}", hint)


def _require_bounded(path: Path) -> None:
    """Raise OSError or Malformed for a file that OpenSSL would wait for, or read for ever."""
    read_own_file(path, MAX_FILE_BYTES)


def client_context(host: str) -> ssl.SSLContext:
    """Return the TLS context for the registry at `host`.

    It trusts Docker's authorities and shows Docker's client certificates. Raises ConfigError if one
    of Docker's files for that registry cannot be used.
    """
    made = create_urllib3_context()
    if not any(os.environ.get(variable) for variable in _BUNDLES):
        made.load_default_certs()
    for folder in CERTIFICATES:
        _load_certificates(made, folder.expanduser() / host)
    return made


def handshake_hint(error: BaseException | None, host: str) -> str:
    """Return what to do about a failed handshake, or an empty text for any other error."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_hint(error.verify_code, host)
    wants_ours = (
        "if it wants a client certificate: put client.cert and client.key into "
        f"{CERTIFICATES[0] / host}"
    )
    if isinstance(error, ssl.SSLEOFError):
        return f"check that the registry runs; {wants_ours}"
    reason = (getattr(error, "reason", "") or "") if isinstance(error, ssl.SSLError) else ""
    if reason in (
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "UNKNOWN_PROTOCOL",
        "RECORD_LAYER_FAILURE",
    ):
        return f"put TLS before {host}: plain HTTP is used for 127.0.0.1 and localhost only"
    if "CERTIFICATE" in reason or "HANDSHAKE_FAILURE" in reason:
        return wants_ours
    return ""


def is_final(error: BaseException) -> bool:
    """Return whether a handshake would fail again.

    A connection that just ends may belong to a registry that is starting.
    """
    return isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError)


def _certificate_hint(code: int, host: str) -> str:
    trust = (
        f"put its authority's certificate at {CERTIFICATES[0] / host / 'ca.crt'}, or name it "
        "in REQUESTS_CA_BUNDLE"
    )
    hints = {
        **dict.fromkeys(_UNTRUSTED, trust),
        **dict.fromkeys(_EXPIRED, "renew the registry's certificate, or set this machine's clock"),
        **dict.fromkeys(_ANOTHER_NAME, "use the host name that is in its certificate"),
    }
    return hints.get(code, "give the registry a valid certificate")


def _load_certificates(made: ssl.SSLContext, folder: Path) -> None:
    for path in _list_files(folder):
        try:
            if path.suffix == ".crt":
                _require_bounded(path)
                made.load_verify_locations(path)
            elif path.suffix == ".cert":
                _require_bounded(path)
                _require_bounded(path.with_suffix(".key"))
                made.load_cert_chain(path, path.with_suffix(".key"), password=_no_password)
        except (OSError, ValueError, Malformed) as error:  # an SSLError is an OSError
            beside = "" if path.suffix == ".crt" else f" with {path.with_suffix('.key').name}"
            text = " ".join(str(error).split())[:200]
            hint = (
                "correct it (PEM; NAME.crt is an authority, NAME.cert with NAME.key is yours), "
                "or remove it"
            )
            raise ConfigError(f"{path}{beside} cannot be used: {text}", hint) from None


def _list_files(folder: Path) -> Iterable[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be read: {error.strerror}", "allow this account to read it"
        ) from None


def _no_password() -> str:
    raise ValueError(
        "the key is encrypted"
    )  # else OpenSSL would ask for the password on the terminal
