"""Credential helpers are programs of strangers: what they do and answer is bounded and checked."""

from __future__ import annotations

import ast
import json
import time
from pathlib import Path

import pytest

from runner import accounts, shell
from runner.errors import ConfigError, EnvironmentFailed, ReleaseError
from tests.fakes.refusal import refused
from tests.runner.test_settings import sources

HOST = "registry.example:5000"
ANSWER = '{"ServerURL": "x", "Username": "me", "Secret": "S3cret"}'


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program that Docker's configuration names for each registry."""
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "x"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path / "docker-credential-x"


def install(helper: Path, body: str) -> None:
    helper.write_text(f"#!/bin/sh\n{body}\n")
    helper.chmod(0o755)


def test_the_account_of_a_helper(helper: Path) -> None:
    install(helper, f'read -r host; [ "$1 $host" = "get {HOST}" ] && echo \'{ANSWER}\'')
    found = accounts.find_account(HOST)
    assert (found["Username"], found["Password"]) == ("me", "S3cret")


def test_a_helper_of_docker_hub_is_asked_by_its_old_address(helper: Path) -> None:
    install(helper, f"read -r host; echo $host >{helper}.asked; echo '{ANSWER}'")
    assert accounts.find_account("docker.io")
    assert Path(f"{helper}.asked").read_text() == "https://index.docker.io/v1/\n"


@pytest.mark.parametrize(
    "body",
    [
        "echo credentials not found in native keychain; exit 1",
        "echo credentials not found in native keychain >&2; exit 1",
        'echo \'{"Username": "", "Secret": ""}\'',
    ],
)
def test_a_helper_that_knows_nothing(helper: Path, body: str) -> None:
    install(helper, body)
    assert accounts.find_account(HOST) == {}


@pytest.mark.parametrize(
    "answer",
    [
        *("{}", "null", "[]", "5", '"x"', "", "S3cret", "[" * 100_000, "{" * 100_000),
        '{"Username": "me", "Secret": "S3cret\\ud800"}',
        '{"Username": "me", "Secret": "S3cret\\n"}',
        '{"Username": "me", "Secret": 5}',
        '{"Username": "me", "Secret": null}',
        '{"Username": "me"}',
    ],
)
def test_an_answer_that_is_none_is_one_line(helper: Path, answer: str) -> None:
    (helper.parent / "answer").write_text(answer)
    install(helper, f"cat {helper.parent}/answer")
    with refused(EnvironmentFailed, "`docker-credential-x` answered no object") as caught:
        accounts.find_account(HOST)
    assert "S3cret" not in str(caught)


def test_a_helper_that_never_answers_is_ended(
    helper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "HELPER_S", 0.5)
    install(helper, "exec sleep 600")
    started = time.monotonic()
    with refused(EnvironmentFailed, "docker-credential-x", "did not finish", HOST):
        accounts.find_account(HOST)
    assert time.monotonic() - started < 20


def test_a_helper_that_prints_without_end_is_ended(
    helper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "OUTPUT_BYTES", 1 << 20)
    install(helper, "exec yes")
    with refused(EnvironmentFailed, "docker-credential-x", "printed more than"):
        accounts.find_account(HOST)


@pytest.mark.parametrize("stream", [1, 2])
def test_the_words_of_a_helper_cannot_command_the_terminal(
    helper: Path, stream: int, capfd: pytest.CaptureFixture[str]
) -> None:
    install(helper, rf"printf '\033[31mred\n::error::x\n' >&{stream}; exit 1")
    with pytest.raises(ReleaseError) as caught:
        accounts.find_account(HOST)
    assert "red" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    shown = capfd.readouterr()
    assert shown.out == shown.err == ""


def test_a_helper_that_fails_after_its_answer_does_not_have_it_repeated(helper: Path) -> None:
    install(helper, f"echo '{ANSWER}'; echo the token has expired >&2; exit 3")
    with pytest.raises(ReleaseError) as caught:
        accounts.find_account(HOST)
    assert "the token has expired" in str(caught.value)
    assert json.loads(ANSWER)["Secret"] not in str(caught.value)


def test_a_helper_that_succeeds_says_nothing_on_the_terminal(
    helper: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    install(helper, f"printf '\\033[31m' >&2; echo '{ANSWER}'")
    assert accounts.find_account(HOST)
    assert capfd.readouterr().err == ""


def test_a_helper_that_is_not_installed_is_wrong_usage(helper: Path) -> None:
    with refused(ConfigError, "docker-credential-x", "not installed", "docker login"):
        accounts.find_account(HOST)


def test_without_a_configuration_there_is_no_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert accounts.find_account(HOST) == {}


def test_the_library_starts_no_helper() -> None:
    """It would do so with all variables, and without a limit of time, if no account is given."""
    pulls = [
        node
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".pull")
    ]
    assert len(pulls) == 2, "the control: they are found at all"
    for each in pulls:
        assert "auth_config" in {keyword.arg for keyword in each.keywords}, ast.unparse(each)
