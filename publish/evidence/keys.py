"""The keys that evidence is signed with: ECDSA on P-256, which every tool can verify, or Ed25519.

In PEM as openssl writes it: the private key in PKCS #8, the public one as SubjectPublicKeyInfo.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from runner import records, settings
from runner.errors import ConfigError, EnvironmentFailed
from runner.redaction import remember_secret
from runner.untrusted import Malformed, clean_line, read_own_file

SIGNING_KEY = settings.SIGNING_KEY
TRUSTED_KEYS = settings.TRUSTED_KEYS
PASSPHRASE = settings.SIGNING_PASSPHRASE
"""The first two hold a PEM file's path or its text, the last what the private key is encrypted
with, if it is.
"""

PrivateKey = ec.EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey = ec.EllipticCurvePublicKey | Ed25519PublicKey
PublicKeys = Mapping[str, PublicKey]
"""By their id."""

MAKE_ONE = (
    "make one: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out release.key`"
)

_BEGIN = "-----BEGIN "
_BEGIN_PUBLIC, _END_PUBLIC = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
_MAX_KEY_BYTES = 1 << 20
_MAX_KEYS = 64
_MAX_PASSPHRASE_BYTES = 1023
"""Bytes; OpenSSL takes no more."""
_MAX_PATH_CHARACTERS = 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KINDS = "an ECDSA P-256 or an Ed25519 key"


def generate_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a key pair: FOLDER/NAME.key, readable for its owner only, and FOLDER/NAME.pub.

    The private key is encrypted if PYTORCH_CUDA_IMAGES_SIGNING_PASSPHRASE is set. Raises
    ConfigError if the name is not a plain file name, or if one of the two files exists; then
    neither is written.
    """
    if not _NAME.fullmatch(name):
        problem = f"`{clean_line(name, 80)}` is not the name of a key"
        raise ConfigError(problem, "write 1 to 64 letters, digits, `.`, `_` and `-`, and no folder")
    if os.path.lexists(folder) and not folder.is_dir():
        what = "a file, not a folder" if folder.exists() else "a link that leads nowhere"
        raise ConfigError(f"{folder} is {what}", "give a folder for the keys")
    for path in (folder / f"{name}.key", folder / f"{name}.pub"):
        if path.exists() or path.is_symlink():
            raise ConfigError(
                f"{path} is there already", "evidence may rest on it: choose another name"
            )
    key = ec.generate_private_key(ec.SECP256R1())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase := settings.ENVIRON.get(PASSPHRASE):
        encryption = serialization.BestAvailableEncryption(_encode_passphrase(passphrase))
    private = key.private_bytes(encoding, form, encryption)
    public = encode_public_half(key).encode()
    private_path, public_path = folder / f"{name}.key", folder / f"{name}.pub"
    _write_all({private_path: (private, 0o600), public_path: (public, 0o644)})
    return private_path, public_path


def encode_public_half(key: PrivateKey) -> str:
    """Return the public key of a private one, in PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def write_public_half(key: PrivateKey, path: Path) -> None:
    """Write the public key of a private one, unless something is at `path` already."""
    if not os.path.lexists(path):
        _write_all({path: (encode_public_half(key).encode(), 0o644)})


def load_signing_key(given: str = "", environ: Mapping[str, str] = settings.ENVIRON) -> PrivateKey:
    """Return the private key in `given`, a path or PEM text.

    The default is the value of PYTORCH_CUDA_IMAGES_SIGNING_KEY. Raises ConfigError if there is
    none, or if it is of another kind.
    """
    named = given or environ.get(SIGNING_KEY, "")
    if not named:
        raise ConfigError(
            "no key to sign evidence with", f"set {SIGNING_KEY} to a private key, or its path"
        )
    text, where = _read_pem(named, SIGNING_KEY)
    remember_secret(text, where)
    return _parse_private_key(text, where, environ.get(PASSPHRASE))


def load_trusted_keys(
    given: Iterable[str] = (),
    environ: Mapping[str, str] = os.environ,
    source: str = f"--key or {TRUSTED_KEYS}",
) -> PublicKeys:
    """Return the public keys in each of `given`, paths or PEM text, by their ids.

    The default is the value of PYTORCH_CUDA_IMAGES_TRUSTED_KEYS. `source` says in errors where
    `given` comes from: a value that may be a key by mistake is never repeated. Raises ConfigError
    if there is none: to trust nobody by mistake would read as "nothing is proven".
    """
    named = [*given] or [each for each in (environ.get(TRUSTED_KEYS),) if each]
    if not named:
        raise ConfigError(
            "no public key to verify evidence with",
            f"set {TRUSTED_KEYS} to public keys, or their path",
        )
    found = [key for each in named for key in _parse_public_keys(*_read_pem(each, source))]
    return {compute_key_id(key): key for key in found}


def compute_key_id(key: PublicKey) -> str:
    """Return the hexadecimal SHA-256 of the key in DER (SubjectPublicKeyInfo)."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).hexdigest()


def _parse_private_key(text: str, where: str, passphrase: str | None) -> PrivateKey:
    encrypted = "ENCRYPTED" in text
    if encrypted and not passphrase:
        raise ConfigError(f"{where}: the key is encrypted", f"set {PASSPHRASE} to its passphrase")
    try:
        password = _encode_passphrase(passphrase) if encrypted and passphrase else None
        key = serialization.load_pem_private_key(text.encode(), password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        reason = "no private key in PKCS #8 PEM" + (
            ", or another passphrase opens it" if encrypted else ""
        )
        raise ConfigError(f"{where}: {reason}", MAKE_ONE) from None
    if isinstance(key, Ed25519PrivateKey) or (
        isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return key
    raise ConfigError(f"{where}: not {_KINDS}", MAKE_ONE)


def _parse_public_keys(text: str, where: str) -> list[PublicKey]:
    if "PRIVATE KEY" in text:
        raise ConfigError(
            f"{where}: this is a private key, and a public key is needed",
            "give the .pub file of the pair",
        )
    parts = text.split(_BEGIN_PUBLIC, _MAX_KEYS + 1)[1:]
    if len(parts) > _MAX_KEYS:
        raise ConfigError(f"{where}: more than {_MAX_KEYS} public keys", "trust fewer keys")
    blocks = (part.partition(_END_PUBLIC) for part in parts)
    found = [
        _parse_public_key(f"{_BEGIN_PUBLIC}{inner}{end}", where) for inner, end, _ in blocks if end
    ]
    if not found:
        raise ConfigError(f"{where}: no public key in PEM", "give the .pub file of a key pair")
    return found


def _parse_public_key(block: str, where: str) -> PublicKey:
    try:
        key = serialization.load_pem_public_key(block.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(
            f"{where}: a public key that cannot be read", "give the .pub file of a key pair"
        ) from None
    if isinstance(key, Ed25519PublicKey) or (
        isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return key
    raise ConfigError(f"{where}: not {_KINDS}", "give the .pub file of a key pair")


def _read_pem(named: str, source: str) -> tuple[str, str]:
    """Return PEM text, and what errors call it: the key itself must never be printed.

    Text may stand before the PEM, as `Bag Attributes` of openssl.
    """
    before, begin, after = named.partition(_BEGIN)
    if begin:
        return begin + after, "the key given as text"
    # what names no file may be a key or a passphrase, and is never repeated
    is_there = (
        before.isprintable() and len(before) <= _MAX_PATH_CHARACTERS and os.path.lexists(before)
    )
    where = before if is_there else f"the value of {source}"
    try:
        return read_own_file(Path(named), _MAX_KEY_BYTES).decode("ascii"), where
    except Malformed as error:
        problem = "not a regular file of the size of a key" if where != named else str(error)
        raise ConfigError(
            f"cannot read the key from {where}: {problem}", "give the path of a PEM file"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"cannot read the key from {where}: {error.strerror}", "give its path, or PEM text"
        ) from None
    except ValueError:
        raise ConfigError(
            f"{where} holds no key in PEM", "give the path of a PEM file, or its text"
        ) from None


def _encode_passphrase(passphrase: str) -> bytes:
    """Return a passphrase in UTF-8.

    Raises ConfigError for one that no key can be encrypted with.
    """
    try:
        data = passphrase.encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"{PASSPHRASE} is not text in UTF-8", "set it to another passphrase"
        ) from None
    if len(data) > _MAX_PASSPHRASE_BYTES:
        raise ConfigError(
            f"{PASSPHRASE} has more than {_MAX_PASSPHRASE_BYTES} bytes",
            "set it to a shorter passphrase",
        )
    return data


def _write_all(files: Mapping[Path, tuple[bytes, int]]) -> None:
    """Write all files with their modes, or none.

    Half of a key or of a pair would block every later run.
    """
    written: list[Path] = []
    try:
        with contextlib.ExitStack() as temporary:
            for path, (data, mode) in files.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                made = _write_temporary(path, data, mode)
                temporary.callback(made.unlink, missing_ok=True)
                os.link(
                    made, path
                )  # unlike a rename, it never replaces what somebody else put there meanwhile
                written.append(path)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            problem = f"{error.filename2 or error.filename} is there already"
            raise ConfigError(problem, "evidence may rest on it: choose another name") from None
        raise EnvironmentFailed(
            f"cannot write {next(iter(files))}: {error.strerror}", "choose another folder"
        ) from None


def _write_temporary(path: Path, data: bytes, mode: int) -> Path:
    """Write `data` to a new file beside `path`, down to the disk. Nothing is left if that fails."""
    handle, name = records.make_part(path)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
