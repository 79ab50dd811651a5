"""Docker's configuration file is checked before anything reads it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import docker_config, engine
from runner.errors import ConfigError, EnvironmentFailed
from runner.home import REPOSITORY
from tests.fakes.refusal import check, refused

LOGIN = base64.b64encode(b"me:s3cret").decode()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path / "config.json"


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"auths": {}},
        {"auths": {"h": {}}},
        {
            "auths": {"h": {"auth": LOGIN, "email": None}, "i": {"identitytoken": "x"}},
            "credsStore": "",
        },
        {
            "credHelpers": {"h": "ecr-login"},
            "HttpHeaders": {"User-Agent": "Docker/1 (linux)"},
            "detachKeys": "ctrl-e",
        },
        {"proxies": {"default": {"httpProxy": "http://proxy:1"}}, "cliPluginsExtraDirs": ["/x"]},
    ],
)
def test_what_docker_writes_is_taken(config: Path, document: object) -> None:
    config.write_text(json.dumps(document))
    docker_config.check_config()


BAD = [
    "[]",
    "[" * 100_000,
    '{"auths": []}',
    '{"auths": {"h": {"auth": 5}}}',
    '{"auths": {"h": {"auth": "s3cret"}}}',
    '{"auths": {"h": {"auth": "\xff"}}}',
    '{"auths": {"h": {"username": "a\\nb", "password": "s3cret"}}}',
    '{"credsStore": []}',
    '{"credsStore": "../../x"}',
    '{"credHelpers": {"h": "$(id)"}}',
    '{"proxies": [1]}',
    '{"HttpHeaders": 5}',
    '{"HttpHeaders": {"X-A: s3cret": "x"}}',
    '{"HttpHeaders": {"": "s3cret"}}',
    "s3cret",
]


@pytest.mark.parametrize("text", BAD)
def test_what_it_cannot_be_is_refused_by_its_name(config: Path, text: str) -> None:
    config.write_text(text)
    with pytest.raises(ConfigError) as caught:
        docker_config.check_config()
    check(caught.value, ConfigError, str(config), "DOCKER_CONFIG")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", " s3cret"),
        ("X-A", "s3cret "),
        ("X-A", "s3cret\u00fc"),
        ("X-A", "s3cret\r\nX: y"),
        ("Content-Length", "53"),
        ("transfer-encoding", "chunked"),
        ("Host", "s3cret.invalid"),
        ("Connection", "close"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_by_its_name(
    config: Path, name: str, value: str
) -> None:
    config.write_text(json.dumps({"HttpHeaders": {name: value}}))
    with pytest.raises(ConfigError) as caught:
        docker_config.check_config()
    check(caught.value, ConfigError, str(config), f"`HttpHeaders.{name}`")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["[1, 2]", '"x"', "null", '{"h": {"auth": 5}}', "[" * 100_000, "auth = s3cret\n"]
)
@pytest.mark.parametrize("name", [".dockercfg", ".docker/config.json"])
def test_what_docker_py_takes_for_a_list_of_accounts_is_checked_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    """The old file, and a new one that has no section of accounts."""
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    with refused(ConfigError, str(path), "move it away") as caught:
        docker_config.check_config()
    assert "s3cret" not in str(caught)


def test_the_old_file_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".dockercfg").write_text(json.dumps({"h": {"auth": LOGIN, "email": "x@y"}}))
    docker_config.check_config()


def test_the_old_file_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    os.mkfifo(tmp_path / ".dockercfg")
    with refused(ConfigError, "a named pipe"):
        engine.connect_engine(602)


def write_context(config: Path, name: str, text: str) -> Path:
    """Write the file of a context as Docker does, and let the configuration name it."""
    config.write_text(json.dumps({"currentContext": name}))
    file = config.parent / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    file.mkdir(parents=True)
    (file / "meta.json").write_text(text)
    return file / "meta.json"


def context(host: object) -> str:
    endpoints = {"docker": {"Host": host, "SkipTLSVerify": False}}
    return json.dumps({"Name": "mine", "Metadata": {}, "Endpoints": endpoints})


@pytest.mark.parametrize("ask", [engine.connect_engine, engine.build_command.__wrapped__])
def test_a_context_that_does_not_exist_is_named_with_the_way_out(
    config: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[[], object]
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    engine.connect_engine.cache_clear()
    config.write_text(json.dumps({"currentContext": "gone"}))
    with refused(
        ConfigError, f"of Docker's configuration {config} names", "`gone`", "does not exist"
    ):
        ask()
    config.write_text("{}")
    monkeypatch.setenv("DOCKER_CONTEXT", "lost")
    with refused(
        ConfigError, "DOCKER_CONTEXT names the context `lost`", "docker context use default"
    ):
        ask()


@pytest.mark.parametrize(
    ("name", "host", "address"),
    [
        ("", "unix:///x", ""),
        ("default", "unix:///x", ""),
        ("mine", "unix:///x", "unix:///x"),
        ("mine", None, ""),
    ],
)
def test_a_context_gives_the_address_of_the_engine(
    config: Path, monkeypatch: pytest.MonkeyPatch, name: str, host: object, address: str
) -> None:
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    write_context(config, name, context(host))
    docker_config.check_config()
    assert docker_config.read_context_address() == address


@pytest.mark.parametrize(
    "text", ["[]", "rubbish s3cret", "{}", context(5), context("a\nb"), '{"Name": "mine"}']
)
def test_a_context_that_cannot_be_read_is_named(
    config: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    file = write_context(config, "mine", text)
    with refused(ConfigError, "the context `mine`", str(file), "cannot be used") as caught:
        docker_config.read_context_address()
    assert "s3cret" not in str(caught)


def test_a_context_with_a_password_is_refused(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    write_context(config, "mine", context("tcp://me:s3cret@127.0.0.1:9"))
    with pytest.raises(ConfigError) as caught:
        engine.connect_engine(603)
    check(caught.value, ConfigError, "Docker context", "docker context use default")
    assert "s3cret" not in str(caught.value)


def test_a_context_does_not_matter_if_the_address_is_given(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    config.write_text(json.dumps({"currentContext": "gone"}))
    with refused(EnvironmentFailed, "no Docker engine answers"):
        engine.connect_engine(604)


def test_a_named_pipe_is_not_waited_for(config: Path) -> None:
    os.mkfifo(config)
    with refused(ConfigError, "a named pipe"):
        engine.connect_engine(601)


def test_a_device_is_not_read(config: Path) -> None:
    config.symlink_to("/dev/zero")
    with refused(ConfigError, "a device"):
        docker_config.check_config()


def test_an_address_that_is_none(tmp_path: Path) -> None:
    code = "from runner import engine\nengine.connect_engine()"
    environment = {**os.environ, "DOCKER_HOST": "tcp://[zz", "DOCKER_CONFIG": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ConfigError: DOCKER_HOST is not the address" in done.stderr
