"""Finding an engine, and a client that can build with BuildKit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import docker
import pytest
import requests
import urllib3
from docker.errors import APIError, ImageNotFound, StreamParseError

from runner import engine
from runner.errors import EnvironmentFailed
from tests.fakes.refusal import refused

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
    engine.client.cache_clear()
    yield
    engine.client.cache_clear()


@pytest.mark.parametrize(
    "address", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1", "nonsense://x"]
)
@pytest.mark.usefixtures("no_cache")
def test_no_engine(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with refused(EnvironmentFailed, "no Docker engine answers", "make setup", "DOCKER_HOST"):
        engine.client()


@pytest.mark.docker
def test_an_engine_that_answers_has_a_version() -> None:
    assert engine.version()[0].isdigit()


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
    monkeypatch.setattr(engine, "client", lambda: held)
    engine.pull("r/x@sha256:0")


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
    monkeypatch.setattr(engine, "client", lambda: broken)
    with refused(EnvironmentFailed, "pull of r/x@sha256:0 failed", "no space left"):
        engine.pull("r/x@sha256:0")


def test_an_engine_that_goes_away_before_a_pull(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        @property
        def images(self) -> object:
            raise requests.ConnectionError("gone")

    monkeypatch.setattr(engine, "client", Gone)
    with refused(EnvironmentFailed, "gone"):
        engine.pull("r/x@sha256:0")


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
    monkeypatch.setattr(engine, "client", Machine)
    assert expected.items() <= dict(engine.gpu_request() or docker.types.DeviceRequest()).items()
