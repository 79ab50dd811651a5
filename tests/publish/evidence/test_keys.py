"""Making a pair of keys: where it is asked for, whole, and nowhere else."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from publish.evidence import attest, keys
from publish.evidence.trust import SigstoreInstance
from runner.errors import ConfigError, EnvironmentFailed
from tests.fakes.refusal import refused
from tests.publish.signed import P256

PEM = P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
BASE64 = "".join(PEM.splitlines()[1:-1])


def test_a_pair_is_written(tmp_path: Path) -> None:
    private, public = keys.generate_pair(tmp_path / "new", "release")
    assert [path.name for path in sorted((tmp_path / "new").iterdir())] == [
        "release.key",
        "release.pub",
    ]
    assert (private.stat().st_mode & 0o777, public.stat().st_mode & 0o777) == (0o600, 0o644)


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "a/b",
        "/etc/x",
        "",
        ".",
        "..",
        ".hidden",
        "-x",
        "a b",
        "a\nb",
        "\x1b[31m",
        "x" * 65,
        "n\u00e4me",
    ],
)
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    with refused(ConfigError, "is not the name of a key"):
        keys.generate_pair(tmp_path / "inside", name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with refused(ConfigError, "is a file, not a folder"):
        keys.generate_pair(tmp_path / "file", "release")


@pytest.mark.parametrize("there", ["release.key", "release.pub"])
def test_no_half_of_a_pair_is_written(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("as it was")
    with refused(ConfigError, "is there already", "another name"):
        keys.generate_pair(tmp_path, "release")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["as it was"]


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "release.pub").symlink_to(tmp_path / "elsewhere")
    with refused(ConfigError, "is there already"):
        keys.generate_pair(tmp_path, "release")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("before", ["Bag Attributes\n    friendlyName: x\n", "\ufeff", "\n\n", "'"])
def test_text_may_stand_before_a_key(before: str) -> None:
    assert keys.compute_key_id(
        keys.load_signing_key(before + PEM, {}).public_key()
    ) == keys.compute_key_id(P256.public_key())


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(BASE64, id="base64"),
        pytest.param(BASE64[:44], id="a line of base64"),
        pytest.param(PEM.partition("\n")[2], id="without the first line"),
        pytest.param(PEM.removeprefix("-"), id="a hyphen is missing"),
        pytest.param("BEGIN PRIVATE KEY " + BASE64[:9], id="a word of a key"),
        pytest.param("MIGH\nAgEA", id="two lines"),
        pytest.param("/" + "secret/" * 40, id="longer than a path"),
        pytest.param(" ".join(re.findall(".{1,20}", BASE64)), id="groups of 20"),
        pytest.param(":".join(re.findall("..", b"secret".hex() * 9)), id="hexadecimal"),
        pytest.param("secret-passphrase", id="a passphrase by mistake"),
        pytest.param("keys/secret.pem", id="no file is there"),
    ],
)
def test_what_may_be_a_key_is_never_repeated(value: str) -> None:
    for use in (
        lambda: keys.load_signing_key("", {keys.SIGNING_KEY: value}),
        lambda: keys.load_trusted_keys([value], {}),
    ):
        with pytest.raises(ConfigError) as caught:
            use()
        assert not any(
            part in str(caught.value) for part in (value[:9], BASE64[:9], BASE64[-20:], "secret")
        )
        assert "the value of" in str(caught.value)


@pytest.mark.parametrize("text", ["{}", "s3cret", '{"trustedRoot": "s3cret"}', "[" * 100_000])
def test_a_sigstore_configuration_that_is_none_is_not_repeated(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ConfigError, match="not a client trust configuration") as caught:
        _ = SigstoreInstance(str(tmp_path / "config.json")).sigstore_verifier
    assert not any(part in str(caught.value) for part in ("s3cret", "pydantic", "http"))


@pytest.mark.parametrize("folder", ["/", "/tmp"])  # noqa: S108 - a folder that is everywhere
def test_a_folder_in_place_of_a_file_is_named(folder: str) -> None:
    with refused(ConfigError, f"`{folder}`: `{Path(folder).name or folder}` is a folder"):
        _ = SigstoreInstance(folder).sigstore_verifier


def test_many_public_keys_are_refused_in_little_time() -> None:
    started = time.monotonic()
    with refused(ConfigError, "more than 64 public keys"):
        keys.load_trusted_keys(["-----BEGIN PUBLIC KEY-----\n" * 30_000], {})
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("passphrase", "words"), [("\udcff", "not text in UTF-8"), ("x" * 1024, "more than 1023")]
)
def test_a_passphrase_that_encrypts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passphrase: str, words: str
) -> None:
    monkeypatch.setitem(os.environ, keys.PASSPHRASE, passphrase)
    with refused(ConfigError, words):
        keys.generate_pair(tmp_path, "release")
    encrypted = PEM.replace("PRIVATE", "ENCRYPTED PRIVATE")
    with refused(ConfigError, words):
        keys.load_signing_key(encrypted, {keys.PASSPHRASE: passphrase})


@pytest.mark.parametrize("failing", [1, 2], ids=["the private key", "the public key"])
def test_a_full_disk_leaves_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    calls: list[int] = []

    def full(_: int) -> None:
        calls.append(1)
        if len(calls) == failing:
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with refused(EnvironmentFailed, "No space left"):
        keys.generate_pair(tmp_path, "release")
    assert list(tmp_path.iterdir()) == []


def test_a_broken_key_of_this_machine_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keys.SIGNING_KEY, raising=False)
    path = home / "keys" / "this-machine.key"
    path.parent.mkdir()
    path.write_text("")
    with refused(ConfigError, "no private key", f"delete {path}"):
        attest.load_signer()
