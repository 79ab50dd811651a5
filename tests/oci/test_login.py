"""Credentials from Docker's configuration, against a registry that asks for them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import requests

from oci.login import Login
from oci.manifest import EMPTY_CONFIG, OCI_EMPTY, image_manifest
from oci.registry import Registry
from runner import engine, pull
from runner.errors import ConfigError, EnvironmentFailed
from tests.fakes.guard import Guard
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry, Fault

GOOD = Guard("Basic").password
HELPER = """#!/bin/sh
read server
[ "$1 $server" = "get %s" ] && echo '{"Username": "%s", "Secret": "%s"}' && exit
echo 'credentials not found in native keychain'; exit 1
"""


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's configuration: empty, and nobody's credentials beside it."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path / "config.json"


def log_in(settings: Path, fake: FakeRegistry, *, password: str = GOOD, **more: str) -> None:
    """As `docker login` leaves it."""
    secret = base64.b64encode(f"me:{password}".encode()).decode()
    settings.write_text(json.dumps({"auths": {fake.host: {"auth": secret, **more}}}))


def helper(settings: Path, fake: FakeRegistry, user: str, secret: str) -> None:
    """A credential helper that knows the fake."""
    program = settings.with_name("docker-credential-fake")
    program.write_text(HELPER % (fake.host, user, secret))
    program.chmod(0o755)
    settings.write_text(json.dumps({"credHelpers": {fake.host: "fake"}}))


def use(fake: FakeRegistry) -> None:
    """A little of everything: look, push, put, read, copy."""
    client = Registry(fake.host)
    client.ping()
    config = client.push_bytes("from", EMPTY_CONFIG, OCI_EMPTY)
    manifest = image_manifest(config, [])
    client.put_manifest("from", "v1", manifest)
    assert client.read_manifest("from", "v1") == manifest
    client.ensure_blob("to", config, "from")
    assert client.read_blob("to", config.digest) == EMPTY_CONFIG


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
def test_an_account_of_the_configuration(fake: FakeRegistry, settings: Path, scheme: str) -> None:
    fake.guard = Guard(scheme)
    log_in(settings, fake)
    use(fake)


def test_a_helper_gets_no_secret_of_this_process(
    fake: FakeRegistry, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours, and the client of the engine: a helper is a program of somebody else."""
    for name in ("PYTORCH_CUDA_IMAGES_SIGNING_KEY", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "planted")
    monkeypatch.setenv("ANOTHER_SETTING", "planted")
    monkeypatch.setenv("SETTING_OF_A_HELPER", "kept")
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_HELPER_VARIABLES", "SETTING_OF_A_HELPER")
    fake.guard = Guard("Basic")
    helper(settings, fake, "me", GOOD)
    program, seen = settings.with_name("docker-credential-fake"), settings.with_name("seen")
    program.write_text(program.read_text().replace("\n", f"\nenv >{seen}\n", 1))
    use(fake)
    assert "SETTING_OF_A_HELPER=kept" in seen.read_text()
    assert "planted" not in seen.read_text()


@pytest.mark.docker
def test_a_helper_of_a_pull_gets_no_secret_of_this_process(
    fake: FakeRegistry, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_SIGNING_KEY", "planted")
    helper(settings, fake, "me", GOOD)
    program, seen = settings.with_name("docker-credential-fake"), settings.with_name("seen")
    program.write_text(program.read_text().replace("\n", f"\nenv >{seen}\n", 1))
    engine.connect_engine.cache_clear()
    try:
        with pytest.raises(EnvironmentFailed):
            pull.pull_image(f"{fake.host}/nothing@sha256:{'0' * 64}")
    finally:
        engine.connect_engine.cache_clear()
    assert "PATH=" in seen.read_text()
    assert "planted" not in seen.read_text()


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
def test_an_account_of_a_helper(fake: FakeRegistry, settings: Path, scheme: str) -> None:
    fake.guard = Guard(scheme)
    helper(settings, fake, "me", GOOD)
    use(fake)


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
def test_an_account_of_a_store(fake: FakeRegistry, settings: Path, scheme: str) -> None:
    """For all registries, where a helper is for one."""
    fake.guard = Guard(scheme)
    helper(settings, fake, "me", GOOD)
    settings.write_text(json.dumps({"auths": {fake.host: {}}, "credsStore": "fake"}))
    use(fake)


def test_a_helper_goes_before_what_is_written_down(fake: FakeRegistry, settings: Path) -> None:
    fake.guard = Guard("Basic")
    log_in(settings, fake, password="wrong")
    written = json.loads(settings.read_text())
    helper(settings, fake, "me", GOOD)
    settings.write_text(json.dumps(json.loads(settings.read_text()) | written))
    use(fake)


def test_a_helper_that_knows_nothing_leaves_it_to_what_is_written_down(
    fake: FakeRegistry, settings: Path
) -> None:
    fake.guard = Guard("Basic")
    log_in(settings, fake)
    written = json.loads(settings.read_text())
    helper(settings, fake, "me", GOOD)
    program = settings.with_name("docker-credential-fake")
    program.write_text(program.read_text().replace(fake.host, "another"))
    settings.write_text(json.dumps({"credsStore": "fake"} | written))
    use(fake)


def test_an_identity_token(fake: FakeRegistry, settings: Path) -> None:
    fake.guard = Guard("Bearer", refresh="kept")
    log_in(settings, fake, identitytoken="kept")
    use(fake)


def test_an_identity_token_of_a_helper(fake: FakeRegistry, settings: Path) -> None:
    fake.guard = Guard("Bearer", refresh="kept")
    helper(settings, fake, "<token>", "kept")
    use(fake)


def test_a_copy_through_here_with_tokens_of_two_repositories(
    fake: FakeRegistry, settings: Path
) -> None:
    fake.guard = Guard("Bearer")
    fake.fail(Fault("POST", "mount=", unmounted=True))
    log_in(settings, fake)
    use(fake)


def test_a_token_that_ends_is_renewed(fake: FakeRegistry, settings: Path) -> None:
    log_in(settings, fake)
    asked = []
    for lifetime in (1_000_000, 1):
        fake.guard = Guard("Bearer", lifetime=lifetime)
        use(fake)
        asked.append(fake.guard.issued)
    assert asked[1] > asked[0]


def test_many_threads_ask_for_one_token(fake: FakeRegistry, settings: Path) -> None:
    fake.guard = Guard("Bearer")
    log_in(settings, fake)
    blobs = [fake.put("from", bytes([number])) for number in range(40)]
    Registry(fake.host).ensure_blobs("to", blobs, "from", workers=8)
    assert fake.guard.issued <= 2, "one to look and one to push"


@pytest.mark.parametrize("lifetime", [40, 50, 60, 70])
def test_tokens_that_end_under_many_threads(
    fake: FakeRegistry, settings: Path, lifetime: int
) -> None:
    log_in(settings, fake)
    fake.guard = Guard("Bearer", lifetime=lifetime)
    fake.fail(Fault("POST", "mount=", unmounted=True))
    blobs = [fake.put("from", bytes([number])) for number in range(56)]
    Registry(fake.host).ensure_blobs("to", blobs, "from", workers=4)
    assert fake.blobs["to"] == fake.blobs["from"]
    assert fake.guard.issued > 4


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_token_service_that_fails_once(fake: FakeRegistry, settings: Path, status: int) -> None:
    fake.guard = Guard("Bearer")
    log_in(settings, fake)
    fake.fail(Fault("GET", "/token", 1, status=status))
    use(fake)


@pytest.mark.parametrize(
    "fault",
    [Fault("GET", "/token", status=503), Fault("GET", "/token", mute=True)],
    ids=["503", "cut"],
)
def test_a_token_service_that_keeps_failing_is_no_wrong_account(
    fake: FakeRegistry, settings: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    fake.guard = Guard("Bearer")
    log_in(settings, fake)
    fake.fail(fault)
    with refused(EnvironmentFailed, fake.host, "doctor"):
        Registry(fake.host).ping()
    assert fake.count("GET", "/token") == 5


def test_a_token_that_holds_is_used_again(fake: FakeRegistry, settings: Path) -> None:
    fake.guard = Guard("Bearer")
    log_in(settings, fake)
    client = Registry(fake.host)
    for _ in range(5):
        client.read_manifest("r", "v1")
    assert fake.count("GET", "/token") == 1


def test_what_is_open_to_all_needs_no_account(fake: FakeRegistry) -> None:
    fake.guard = Guard("Bearer", open_to_all=True)
    use(fake)


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
@pytest.mark.parametrize("password", ["wrong", None])
def test_without_the_right_account(
    fake: FakeRegistry, settings: Path, scheme: str, password: str | None
) -> None:
    fake.guard = Guard(scheme)
    if password:
        log_in(settings, fake, password=password)
    with refused(EnvironmentFailed, "401", "docker login", fake.host):
        Registry(fake.host).ping()


def test_a_registry_that_asks_for_nothing_is_told_nothing(
    fake: FakeRegistry, settings: Path
) -> None:
    settings.write_text("not read")
    settings.with_name("netrc").write_text("default login me password pass:word\n")
    use(fake)
    assert not any("token" in line for line in fake.requests)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"auths": {"HOST": {"auth": "%%"}}}', id="not base64"),
        pytest.param('{"auths": {"HOST": "me"}}', id="no entry"),
        pytest.param('{"credsStore": "not-installed"}', id="helper is not there"),
    ],
)
def test_a_configuration_that_cannot_be_read(fake: FakeRegistry, settings: Path, text: str) -> None:
    fake.guard = Guard("Basic")
    settings.write_text(text.replace("HOST", fake.host))
    with refused(ConfigError, "Docker's configuration", fake.host, "docker login"):
        Registry(fake.host).ping()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1.evil.example", "evil.example", r"evil.example\@127.0.0.1"],
)
def test_a_password_is_not_sent_in_the_clear(fake: FakeRegistry, settings: Path, host: str) -> None:
    """To loopback it is: the control that the others would be seen."""
    log_in(settings, fake)
    port = fake.host.rpartition(":")[2]
    challenge = {"WWW-Authenticate": f'Bearer realm="http://{host}:{port}/token"'}
    fake.fail(Fault("GET", "^/v2/$", status=401, headers=challenge))
    with refused(EnvironmentFailed, "401"):
        Registry(fake.host).ping()
    assert fake.count("GET", "/token") == (host == "127.0.0.1")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("refresh", ["kept", ""], ids=["refresh token", "password"])
def test_a_token_service_cannot_send_credentials_on(
    fake: FakeRegistry, settings: Path, status: int, refresh: str
) -> None:
    """Neither a refresh token in the body of a POST, nor a password in a header."""
    fake.guard = Guard("Bearer", refresh=refresh)
    log_in(settings, fake, **({"identitytoken": refresh} if refresh else {}))
    with FakeRegistry() as other:
        moved = {"Location": f"http://{other.host}/token"}
        fake.fail(Fault("POST" if refresh else "GET", "/token", status=status, headers=moved))
        with refused(EnvironmentFailed, "the token service at", "sends the request on"):
            Registry(fake.host).ping()
        assert not other.requests


def test_a_token_service_may_send_a_question_on_to_itself(
    fake: FakeRegistry, settings: Path
) -> None:
    fake.guard = Guard("Bearer")
    log_in(settings, fake)
    moved = {"Location": "/token?service=fake%2C%20with%20a%20comma"}
    fake.fail(Fault("GET", "/token", 1, status=307, headers=moved))
    Registry(fake.host).ping()


def test_a_redirect_takes_no_account_of_a_netrc_along(fake: FakeRegistry, settings: Path) -> None:
    settings.with_name("netrc").write_text("default login me password pass:word\n")
    with FakeRegistry() as other:
        other.guard = Guard("Basic")
        moved = {"Location": f"http://{other.host}/v2/"}
        fake.fail(Fault("GET", "", status=307, headers=moved))
        client = Registry(fake.host)
        client._session.trust_env = True  # as it is of a registry that is not on loopback
        with refused(EnvironmentFailed, "401"):
            client.ping()


@pytest.mark.parametrize("host", ["127.0.0.1:PORT", "localhost:PORT", "storage.example"])
def test_a_password_is_not_sent_to_another_host(
    fake: FakeRegistry, settings: Path, host: str
) -> None:
    fake.guard = Guard("Basic")
    log_in(settings, fake)
    login = Login(fake.host, f"http://{fake.host}/v2/")
    assert login.answer_challenge(requests.get(f"http://{fake.host}/v2/r/blobs/x", timeout=5))
    address = f"http://{host.replace('PORT', fake.host.rpartition(':')[2])}/v2/r/blobs/x"
    sent = requests.Request("GET", address, auth=login).prepare().headers
    assert ("Authorization" in sent) == (host == "127.0.0.1:PORT")


@pytest.mark.parametrize("name", ["docker.io", "index.docker.io"])
def test_docker_hub_is_spoken_to_where_its_api_is_by_the_account_under_its_name(
    settings: Path, name: str
) -> None:
    auth = base64.b64encode(b"me:secret").decode()
    settings.write_text(json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": auth}}}))
    client = Registry(name)
    assert client._base == "https://registry-1.docker.io/v2/"
    assert client._login._basic_header == f"Basic {auth}"
