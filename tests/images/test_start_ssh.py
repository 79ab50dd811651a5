"""The start of the OpenSSH server: who may log in, and what a session gets."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest

from images.catalog import IMAGES

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFBK4zEFqHSsaNdOlyfBPlUBMn7vlMEmVbpmtKRj6uxq me"


@pytest.fixture(scope="module")
def start() -> ModuleType:
    """The program of the image."""
    path = IMAGES / "ssh" / "system" / "start_ssh.py"
    spec = importlib.util.spec_from_file_location("start_ssh", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    sys.modules.pop("start_ssh", None)
    return made


def test_keys_of_all_places_count(start: ModuleType, tmp_path: Path) -> None:
    named, own = tmp_path / "named", tmp_path / "own"
    named.write_text("two\n\n")
    own.write_text("three")
    environ = {"AUTHORIZED_KEYS": "one\n", "AUTHORIZED_KEYS_FILE": str(named)}
    assert start.read_keys(environ, own) == "one\ntwo\nthree\n"
    assert start.read_keys({}, own) == "three\n"


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "there is no public key"),
        ({"AUTHORIZED_KEYS": " \n"}, "there is no public key"),
        ({"AUTHORIZED_KEYS_FILE": "/nowhere"}, "cannot read the public keys"),
        ({"AUTHORIZED_KEYS_FILE": "/"}, "cannot read the public keys"),
        ({"AUTHORIZED_KEYS": "-----BEGIN OPENSSH PRIVATE KEY-----"}, "give the public one"),
    ],
)
def test_nothing_is_started_without_keys(
    start: ModuleType, tmp_path: Path, environ: dict[str, str], says: str
) -> None:
    with pytest.raises(start.Refusal, match=says) as caught:
        start.read_keys(environ, tmp_path / "absent")
    assert "\n" not in str(caught.value)


def test_others_may_not_write_its_folder(start: ModuleType, tmp_path: Path) -> None:
    """The group may: that is how Kubernetes gives a volume to a user."""
    tmp_path.chmod(0o2775)
    start.require_private(tmp_path)
    tmp_path.chmod(0o1777)
    with pytest.raises(start.Refusal, match="everybody can write"):
        start.require_private(tmp_path)
    with pytest.raises(start.Refusal, match="cannot be written"):
        start.require_private(tmp_path / "absent")


def test_sessions_get_the_variables_of_the_container(start: ModuleType) -> None:
    """Not those that are of the start or of a session; none that could end a line."""
    environ = {
        "PATH": "/opt/venv/bin",
        "ODD": 'a "b" \\c # d',
        "TWO": "one\ntwo",
        "HOME": "/x",
        "AUTHORIZED_KEYS": KEY,
        "EMPTY": "",
    }
    lines = list(start.write_configuration(Path("/state"), environ))
    (given,) = [line for line in lines if line.startswith("SetEnv ")]
    assert shlex.split(given)[1:] == ["EMPTY=", 'ODD=a "b" \\c # d', "PATH=/opt/venv/bin"]
    assert lines[-1] == "Include /usr/local/lib/image/sshd_config"


def test_the_configuration_takes_keys_alone() -> None:
    text = (IMAGES / "ssh" / "system" / "sshd_config").read_text()
    rows = dict(row.split(" ", 1) for row in text.splitlines() if row and row[0] != "#")
    assert rows["AuthenticationMethods"] == "publickey"
    assert rows["AllowUsers"] == "mluser"
    off = ("PermitRootLogin", "PasswordAuthentication", "KbdInteractiveAuthentication", "UsePAM")
    assert {rows[name] for name in off} == {"no"}
