"""The Docker engine: finding it, finding a client that can build with BuildKit, pulling by digest, seeing GPUs."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import docker
import requests
import urllib3
from docker.errors import DockerException, ImageNotFound, StreamParseError
from docker.types import DeviceRequest

from runner import progress
from runner.errors import EnvironmentFailed

START_HINT = "run `make setup`, which installs and starts one, or point DOCKER_HOST at yours"
BUILD_HINT = "install docker-buildx, or Debian's docker.io"
CALL_HINT = "check the engine and the registry with `./release.py doctor`, then run the same command again"

_CALL_ERRORS = (DockerException, StreamParseError, requests.RequestException, urllib3.exceptions.HTTPError)
"""What docker-py raises when the engine refuses, and what it lets through when the engine goes away."""


@cache
def client(answer_s: int = 600) -> docker.DockerClient:
    """A client of an engine that answers within `answer_s` seconds. Raises EnvironmentFailed where none does."""
    try:
        found = docker.from_env(timeout=answer_s)
        found.ping()
    except (DockerException, requests.RequestException) as error:
        raise EnvironmentFailed(f"no Docker engine answers: {_short(error)}", START_HINT) from None
    return found


def version() -> str:
    """The engine's version, for records."""
    return str(client().version()["Version"])


@cache
def build_command() -> tuple[tuple[str, ...], dict[str, str]]:
    """The command and environment that build with BuildKit, among all `docker` clients on PATH.

    A client with the buildx plugin is preferred; a client before 23 carries BuildKit behind `DOCKER_BUILDKIT=1`.
    """
    for path in _clients():
        if _answers(path, "buildx", "version"):
            return (path, "buildx", "build"), {}
    for path in _clients():
        major = _client_version(path).partition(".")[0]
        if major.isdigit() and int(major) < 23:
            return (path, "build"), {"DOCKER_BUILDKIT": "1"}
    raise EnvironmentFailed("no docker client on PATH can build with BuildKit", BUILD_HINT)


def program() -> str:
    """The docker client this project runs: the one that can also build."""
    return build_command()[0][0]


@contextlib.contextmanager
def failures(what: str, hint: str = CALL_HINT) -> Iterator[None]:
    """Calls of the engine that make up `what`. Raises EnvironmentFailed where it refuses one or goes away."""
    try:
        yield
    except _CALL_ERRORS as error:
        raise EnvironmentFailed(f"{what} failed: {_short(error)}", hint) from None


def pull(reference: str) -> None:
    """Pull by digest, with progress; nothing is done where the engine has it. Raises EnvironmentFailed."""
    with failures(f"pull of {reference}"):
        try:
            client().images.get(reference)
        except ImageNotFound:
            _pull(reference)


def _pull(reference: str) -> None:
    sizes: dict[str, int] = {}
    counted: dict[str, int] = {}
    with progress.meter(f"pull {reference.rpartition('@')[0].rpartition('/')[2]}", 0) as meter:
        for event in client().api.pull(reference, stream=True, decode=True):
            if "error" in event:
                raise DockerException(event["error"])
            layer, detail = str(event.get("id")), event.get("progressDetail") or {}
            if event.get("status") == "Downloading" and "total" in detail:
                sizes[layer] = detail["total"]
                meter.resize(sum(sizes.values()))
                meter.advance(detail["current"] - counted.get(layer, 0))
                counted[layer] = detail["current"]


def gpu_request() -> DeviceRequest | None:
    """What to ask the engine for to get every GPU: its NVIDIA runtime, or CDI; None where it offers neither."""
    if not Path("/dev/nvidiactl").exists() and shutil.which("nvidia-smi") is None:
        return None
    info = client().info()
    if "nvidia" in (info.get("Runtimes") or {}):
        return DeviceRequest(count=-1, capabilities=[["gpu"]])
    if info.get("CDISpecDirs"):
        return DeviceRequest(driver="cdi", device_ids=["nvidia.com/gpu=all"])
    return DeviceRequest(count=-1, capabilities=[["gpu"]])


def _clients() -> tuple[str, ...]:
    """Every `docker` on PATH, first first."""
    folders = os.get_exec_path()
    found = (shutil.which("docker", path=folder) for folder in folders)
    return tuple(dict.fromkeys(path for path in found if path))


def _answers(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode == 0


def _client_version(path: str) -> str:
    command = (path, "version", "--format", "{{.Client.Version}}")
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False).stdout


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
