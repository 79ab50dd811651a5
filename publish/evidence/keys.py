"""The keys that evidence is signed with: ECDSA on P-256, which every tool can verify, or Ed25519.

In PEM as openssl writes it: the private key in PKCS #8, the public one as SubjectPublicKeyInfo.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from runner.errors import ConfigError, EnvironmentFailed
from runner.untrusted import Malformed, clean_line, read_own_file

SIGNING_KEY = "PYTORCH_CUDA_IMAGES_SIGNING_KEY"
TRUSTED_KEYS = "PYTORCH_CUDA_IMAGES_TRUSTED_KEYS"
PASSPHRASE = "PYTORCH_CUDA_IMAGES_SIGNING_PASSPHRASE"  # noqa: S105 - the name of a variable
"""The first two hold a PEM file's path or its text, the last what the private key is encrypted with, if it is."""

PrivateKey = ec.EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey = ec.EllipticCurvePublicKey | Ed25519PublicKey
PublicKeys = Mapping[str, PublicKey]
"""By their id."""

MAKE_ONE = "make one: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out release.key`"

_BEGIN = "-----BEGIN "
_PUBLIC = re.compile(r"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)
_LONGEST_KEY = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KINDS = "an ECDSA P-256 or an Ed25519 key"


def generate(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a key pair: FOLDER/NAME.key, for its owner's eyes only, and FOLDER/NAME.pub, for everybody.

    Encrypted where PYTORCH_CUDA_IMAGES_SIGNING_PASSPHRASE is set. Raises ConfigError for a name that is more than a
    file's, or if one of the two is there already; then neither is written.
    """
    if not _NAME.fullmatch(name):
        problem = f"`{clean_line(name, 80)}` is not the name of a key"
        raise ConfigError(problem, "write 1 to 64 letters, digits, `.`, `_` and `-`, and no folder")
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file, not a folder", "give the folder where the keys shall be written")
    for path in (folder / f"{name}.key", folder / f"{name}.pub"):
        if path.exists() or path.is_symlink():
            raise ConfigError(f"{path} is there already", "evidence may rest on it: choose another name")
    key = ec.generate_private_key(ec.SECP256R1())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private = key.private_bytes(encoding, form, _encryption())
    public = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    return _write(folder / f"{name}.key", private, 0o600), _write(folder / f"{name}.pub", public, 0o644)


def signing_key(given: str = "", environ: Mapping[str, str] = os.environ) -> PrivateKey:
    """The private key in `given`, a path or PEM text; by default what PYTORCH_CUDA_IMAGES_SIGNING_KEY holds.

    Raises ConfigError where there is none, or it is of another kind.
    """
    named = given or environ.get(SIGNING_KEY, "")
    if not named:
        raise ConfigError("no key to sign evidence with", f"set {SIGNING_KEY} to a private key, or its path")
    text, where = _text(named)
    return _private(text, where, environ.get(PASSPHRASE))


def trusted_keys(given: Iterable[str] = (), environ: Mapping[str, str] = os.environ) -> PublicKeys:
    """The public keys in each of `given`, paths or PEM text; by default what PYTORCH_CUDA_IMAGES_TRUSTED_KEYS holds.

    Raises ConfigError where there is none: trusting nobody by mistake would read as "nothing is proven".
    """
    named = [*given] or [each for each in (environ.get(TRUSTED_KEYS),) if each]
    if not named:
        raise ConfigError("no public key to verify evidence with", f"set {TRUSTED_KEYS} to public keys, or their path")
    found = [key for each in named for key in _public_keys(*_text(each))]
    return {key_id(key): key for key in found}


def key_id(key: PublicKey) -> str:
    """The hexadecimal SHA-256 of the key in DER (SubjectPublicKeyInfo)."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).hexdigest()


def _private(text: str, where: str, passphrase: str | None) -> PrivateKey:
    encrypted = "ENCRYPTED" in text
    if encrypted and not passphrase:
        raise ConfigError(f"{where}: the key is encrypted", f"set {PASSPHRASE} to what opens it")
    try:
        password = passphrase.encode() if encrypted and passphrase else None
        key = serialization.load_pem_private_key(text.encode(), password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        reason = "no private key in PKCS #8 PEM" + (", or another passphrase opens it" if encrypted else "")
        raise ConfigError(f"{where}: {reason}", MAKE_ONE) from None
    if isinstance(key, Ed25519PrivateKey) or (
        isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return key
    raise ConfigError(f"{where}: not {_KINDS}", MAKE_ONE)


def _public_keys(text: str, where: str) -> list[PublicKey]:
    if "PRIVATE KEY" in text:
        raise ConfigError(f"{where}: a private key, where a public one is meant", "give the .pub file of the pair")
    found = [_public(block, where) for block in _PUBLIC.findall(text)]
    if not found:
        raise ConfigError(f"{where}: no public key in PEM", "give the .pub file of a key pair")
    return found


def _public(block: str, where: str) -> PublicKey:
    try:
        key = serialization.load_pem_public_key(block.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(f"{where}: a public key that cannot be read", "give the .pub file of a key pair") from None
    if isinstance(key, Ed25519PublicKey) or (
        isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return key
    raise ConfigError(f"{where}: not {_KINDS}", "give the .pub file of a key pair")


def _text(named: str) -> tuple[str, str]:
    """PEM text, and what errors call it: the key itself must never be printed."""
    if named.lstrip().startswith(_BEGIN):
        return named, "the key given as text"
    try:
        return read_own_file(Path(named), _LONGEST_KEY).decode("ascii"), named
    except Malformed as error:
        raise ConfigError(f"cannot read the key {named[:200]!r}: {error}", "give the path of a PEM file") from None
    except OSError as error:
        raise ConfigError(
            f"cannot read the key {named[:200]!r}: {error.strerror}", "give its path, or PEM text"
        ) from None
    except ValueError:
        raise ConfigError(f"{named[:200]!r} holds no key in PEM", "give the path of a PEM file, or its text") from None


def _encryption() -> serialization.KeySerializationEncryption:
    passphrase = os.environ.get(PASSPHRASE)
    return serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()


def _write(path: Path, data: bytes, mode: int) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
    except FileExistsError:
        raise ConfigError(f"{path} is there already", "evidence may rest on it: choose another name") from None
    except OSError as error:
        raise EnvironmentFailed(f"cannot write {path}: {error.strerror}", "choose another folder") from None
    return path
