"""Finding an engine, and a client that can build with BuildKit."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import docker
import pytest
import requests
import urllib3
from docker.errors import APIError, ImageNotFound, StreamParseError

from runner import engine, pull
from runner.errors import ConfigError, EnvironmentFailed, ReleaseError
from runner.home import REPOSITORY
from tests.fakes.refusal import check, refused

OLD = '[ "$1" = version ] && echo 20.10.24+dfsg1 || exit 1'
NEW = '[ "$1" = version ] && echo 27.3.1 || exit 1'
BUILDX = "exit 0"
BROKEN = "exit 1"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders `0`, `1`, ... of a PATH that has nothing else; `docker` goes into some of them."""
    monkeypatch.setenv("PATH", ":".join(str(tmp_path / str(number)) for number in range(4)))
    monkeypatch.setattr(engine, "build_command", engine.build_command.__wrapped__)
    return tmp_path


def clients(path: Path, bodies: list[str]) -> None:
    for number, body in enumerate(bodies):
        (path / str(number)).mkdir()
        (path / str(number) / "docker").write_text(f"#!/bin/sh\n{body}\n")
        (path / str(number) / "docker").chmod(0o755)


@pytest.mark.parametrize(
    ("bodies", "chosen", "words", "env"),
    [
        pytest.param([BUILDX], 0, ("buildx", "build"), {}, id="buildx"),
        pytest.param([OLD], 0, ("build",), {"DOCKER_BUILDKIT": "1"}, id="a client before 23"),
        pytest.param([OLD, BUILDX], 1, ("buildx", "build"), {}, id="buildx behind an older one"),
        pytest.param(
            [NEW, OLD],
            1,
            ("build",),
            {"DOCKER_BUILDKIT": "1"},
            id="older one behind a new one without buildx",
        ),
        pytest.param([BROKEN, NEW, BUILDX, OLD], 2, ("buildx", "build"), {}, id="among four"),
    ],
)
def test_a_client_that_can_build(
    path: Path, bodies: list[str], chosen: int, words: tuple[str, ...], env: dict[str, str]
) -> None:
    clients(path, bodies)
    assert engine.build_command() == ((f"{path}/{chosen}/docker", *words), env)


@pytest.mark.parametrize("bodies", [[], [NEW], [BROKEN], [BROKEN, NEW]])
def test_no_client_that_can_build(path: Path, bodies: list[str]) -> None:
    clients(path, bodies)
    with refused(EnvironmentFailed, "BuildKit", "docker-buildx"):
        engine.build_command()


@pytest.fixture
def no_cache() -> Iterator[None]:
    engine.connect_engine.cache_clear()
    yield
    engine.connect_engine.cache_clear()


@pytest.mark.parametrize(
    "address", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1", "127.0.0.1:1", "tcp://[::1]:1"]
)
@pytest.mark.usefixtures("no_cache")
def test_no_engine(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with refused(EnvironmentFailed, "no Docker engine answers", "make setup", "DOCKER_HOST"):
        engine.connect_engine()


@pytest.mark.parametrize(
    "address",
    ["npipe://x", "fd://x", "nonsense://x", "word", "tcp://h", "tcp://h:1/path", "ssh://u@h"],
)
@pytest.mark.usefixtures("no_cache")
def test_an_address_of_another_kind_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with refused(ConfigError, "DOCKER_HOST is not the address of a Docker engine", "tcp://host:"):
        engine.connect_engine()


ASK = """
import sys
import tempfile
from runner import embedded, engine
print(embedded.is_answering(sys.argv[1]), engine.is_answering())
"""


@pytest.mark.parametrize("scheme", ["unix", "tcp"])
def test_a_named_pipe_as_netrc_is_not_waited_for(tmp_path: Path, scheme: str) -> None:
    os.mkfifo(tmp_path / ".netrc")
    address = {"unix": f"unix://{tmp_path}/none.sock", "tcp": "tcp://127.0.0.1:1"}[scheme]
    variables = {**os.environ, "HOME": str(tmp_path), "DOCKER_HOST": address}
    command = [sys.executable, "-c", ASK, "127.0.0.1:1"]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=variables,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("False False\n", "")


@pytest.mark.parametrize(
    "address",
    [
        "tcp://u:S3cretPW@127.0.0.1:9",
        "http://u:S3cretPW@127.0.0.1:9",
        "ssh://u:S3cretPW@127.0.0.1:9",
        "u:S3cretPW@127.0.0.1:9",
        "tcp://127.0.0.1:9/?token=S3cretPW",
        "tcp://S3cretPW@127.0.0.1:9",
    ],
)
@pytest.mark.usefixtures("no_cache")
def test_a_password_in_the_address_of_the_engine_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    for ask in (engine.connect_engine, engine.build_command.__wrapped__):
        with pytest.raises(ConfigError) as caught:
            ask()
        check(caught.value, ConfigError, "DOCKER_HOST is not the address of a Docker engine")
        assert "S3cretPW" not in str(caught.value)


@pytest.mark.usefixtures("no_cache")
def test_the_address_of_the_engine_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://S3cretPW:x:y")
    with pytest.raises(ReleaseError) as caught:
        engine.connect_engine()
    assert "S3cretPW" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["http://u:S3c/ret@127.0.0.1:9", "http://u:S3c\\ret@127.0.0.1:9"])
@pytest.mark.usefixtures("no_cache")
def test_the_address_of_a_proxy_before_the_engine_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("DOCKER_HOST", "tcp://engine.invalid:9")
    with refused(ConfigError, "HTTP_PROXY is not the address of a proxy") as caught:
        engine.connect_engine()
    assert "S3c" not in str(caught)


def test_the_setup_does_not_repeat_the_address_of_the_engine(tmp_path: Path) -> None:
    """Run as it is, in a folder whose environment is ready and has no engine."""
    (tmp_path / "runner").mkdir()
    script = tmp_path / "runner" / "setup.sh"
    script.write_text((REPOSITORY / "runner" / "setup.sh").read_text())
    (tmp_path / "requirements.lock").write_text("")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "requirements.sha256").write_text(hashlib.sha256(b"").hexdigest())
    (tmp_path / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    for name in ("docker-registry", "mmdebstrap", "newuidmap", "apt-get", "sudo"):
        (tmp_path / name).write_text("#!/bin/sh\n")
    for path in (*tmp_path.glob("*"), tmp_path / ".venv" / "bin" / "python"):
        path.chmod(0o755)
    address = "tcp://u:S3cretPW@127.0.0.1:9"
    variables = {"PATH": f"{tmp_path}:/usr/bin:/bin", "DOCKER_HOST": address}
    done = subprocess.run(
        ["bash", script], env=variables, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "DOCKER_HOST" in done.stderr
    assert "S3cretPW" not in done.stderr


def test_the_setup_does_not_wait_for_a_configuration_of_docker(tmp_path: Path) -> None:
    """`runner/setup.sh` asks whether an engine answers; docker-py would wait for a named pipe."""
    os.mkfifo(tmp_path / "config.json")
    script = (REPOSITORY / "runner" / "setup.sh").read_text()
    begin, end = script.index("engine_answers()"), script.index("\nengine()")
    asked = f'say() {{ echo "setup: $*" >&2; }}\n{script[begin:end]}\nengine_answers; echo $?'
    done = subprocess.run(
        ["bash", "-c", asked],
        cwd=REPOSITORY,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "not a regular file" in done.stderr
    assert str(tmp_path) in done.stderr


def test_a_user_who_may_not_use_the_engine_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tempfile.TemporaryDirectory(prefix="engine")
    with folder as name, socket.socket(socket.AF_UNIX) as served:
        path = Path(name) / "docker.sock"
        path.parent.chmod(0o711)
        served.bind(str(path))
        served.listen()
        path.chmod(0)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        before = os.geteuid()
        if before == 0:  # root may use every socket
            os.seteuid(65534)
        try:
            with refused(EnvironmentFailed, str(path), "usermod -aG docker"):
                engine.connect_engine()
        finally:
            os.seteuid(before)


def test_the_setup_leaves_an_engine_alone_that_this_user_may_not_use(tmp_path: Path) -> None:
    """It says how to become a member of the group, and starts and installs nothing."""
    script = (REPOSITORY / "runner" / "setup.sh").read_text()
    begin, end = script.index("\nengine() {"), script.index("\ncase ")
    started = tmp_path / "started"
    body = f"""set -euo pipefail
fail() {{ echo "$1 -> $2" >&2; exit 3; }}
say() {{ :; }}
as_root() {{ touch {started}; }}
install_packages() {{ touch {started}; }}
engine_answers() {{ return 4; }}
{script[begin:end]}
engine"""
    done = subprocess.run(["bash", "-c", body], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "may not use it -> sudo usermod -aG docker" in done.stderr
    assert not started.exists()


@pytest.mark.docker
def test_an_engine_that_answers_has_a_version() -> None:
    assert engine.engine_version()[0].isdigit()


# Pulling


class Engine:
    """An engine that has no image, and whose pulls go as told."""

    def __init__(self, events: list[dict[str, object]], error: Exception | None = None) -> None:
        self.images = self.api = self
        self.hooks: dict[str, list[object]] = {"response": []}
        self._events, self._error, self._pulled = events, error, False

    def get(self, _: str) -> SimpleNamespace:
        if not self._pulled:
            raise ImageNotFound("no such image")
        return SimpleNamespace(attrs={"Size": 5})

    def info(self) -> dict[str, str]:
        return {}

    def pull(self, *_: str, **__: bool) -> Iterator[dict[str, object]]:
        yield from self._events
        self._pulled = True
        if self._error:
            raise self._error


def test_a_pull_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    detail = {"current": 5, "total": 10}
    events: list[dict[str, object]] = [
        {"status": "Downloading", "id": "a", "progressDetail": detail},
        {"status": "Done"},
    ]
    held = Engine(events)
    monkeypatch.setattr(engine, "connect_engine", lambda: held)
    pull.pull_image("r/x@sha256:0")


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(Engine([{"error": "no space left on device"}]), id="event"),
        pytest.param(Engine([], APIError("no space left on device")), id="refusal"),
        pytest.param(
            Engine([{"status": "Pulling"}], requests.ConnectionError("no space left on device")),
            id="cut",
        ),
        pytest.param(
            Engine([{}], urllib3.exceptions.ProtocolError("no space left on device")),
            id="cut while read",
        ),
        pytest.param(Engine([{}], StreamParseError("no space left on device")), id="not JSON"),
    ],
)
def test_a_pull_that_fails(monkeypatch: pytest.MonkeyPatch, broken: Engine) -> None:
    monkeypatch.setattr(engine, "connect_engine", lambda: broken)
    with refused(EnvironmentFailed, "pull of r/x@sha256:0 failed", "no space left"):
        pull.pull_image("r/x@sha256:0")


def test_an_engine_that_goes_away_before_a_pull(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        @property
        def images(self) -> object:
            raise requests.ConnectionError("gone")

    monkeypatch.setattr(engine, "connect_engine", Gone)
    with refused(EnvironmentFailed, "gone"):
        pull.pull_image("r/x@sha256:0")


def test_no_gpu_is_asked_for_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.engine.Path.exists", lambda _: False)
    monkeypatch.setattr("runner.engine.shutil.which", lambda _: None)
    assert engine.gpu_request() is None


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (
            {"Runtimes": {"nvidia": {}}, "CDISpecDirs": ["/etc/cdi"]},
            {"Count": -1, "Capabilities": [["gpu"]]},
        ),
        (
            {"Runtimes": {}, "CDISpecDirs": ["/etc/cdi"]},
            {"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=all"]},
        ),
        ({}, {"Count": -1, "Capabilities": [["gpu"]]}),
    ],
    ids=["NVIDIA runtime", "CDI", "neither"],
)
def test_gpus_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, info: dict[str, object], expected: dict[str, object]
) -> None:
    class Machine:
        def info(self) -> dict[str, object]:
            return info

    monkeypatch.setattr("runner.engine.shutil.which", lambda _: "nvidia-smi")
    monkeypatch.setattr(engine, "connect_engine", Machine)
    assert expected.items() <= dict(engine.gpu_request() or docker.types.DeviceRequest()).items()
