"""The Docker engine and its clients: connect, pull by digest, find BuildKit and GPUs."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import docker
import requests
import urllib3
from docker.errors import DockerException, ImageNotFound, StreamParseError
from docker.types import DeviceRequest

from runner import docker_config, progress, settings, shell
from runner.address import holds_credentials
from runner.errors import ConfigError, EnvironmentFailed
from runner.untrusted import clean_line

START_HINT = "run `make setup`, which installs and starts one, or point DOCKER_HOST at yours"
BUILD_HINT = "install docker-buildx, or Debian's docker.io"
CALL_HINT = (
    "check the engine and the registry with `./release.py doctor`, then run the same command again"
)

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,511}")
"""The characters and the greatest length of a reference. The engine checks the rest."""
_NO_IMAGE = re.compile(r"manifest unknown|not found: does not exist|repository does not exist")
"""The messages of registries about a missing image, which the engine hands on as text."""
_REFERENCE_HINT = (
    "write HOST/REPOSITORY:TAG, HOST/REPOSITORY@sha256:..., or the name of an image that you built"
)
LOGIN_HINT = "write HOST/REPOSITORY:TAG, and log in with `docker login` instead"

CLIENT_TIMEOUT_S = 30

_CALL_ERRORS = (
    DockerException,
    StreamParseError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
)
"""The errors of docker-py when the engine refuses a call or goes away."""


@cache
def client(answer_s: int = 600) -> docker.DockerClient:
    """Return a client of an engine that answers within `answer_s` seconds.

    Raises EnvironmentFailed if no engine answers, and ConfigError if DOCKER_HOST or Docker's
    configuration cannot be used.
    """
    _check_address()
    docker_config.check()
    try:
        found = docker.from_env(timeout=answer_s)
        found.api.credstore_env = shell.emptied_secrets()
        # credential helpers get the environment that is set when it is loaded
        found.api.reload_config()
        found.ping()
    except ValueError:
        raise ConfigError(_NO_ADDRESS, _ADDRESS_HINT) from None
    except (DockerException, requests.RequestException) as error:
        raise EnvironmentFailed(f"no Docker engine answers: {_short(error)}", START_HINT) from None
    return found


_NO_ADDRESS = "DOCKER_HOST is not the address of a Docker engine"
_ADDRESS_HINT = "write unix:///var/run/docker.sock or tcp://HOST:PORT, or unset it"
_PLAIN_ADDRESS = re.compile(r"(?:ssh://(?:[A-Za-z0-9._-]+@)?)?[^@?#]*")
"""An address without a password: `@` follows the user of SSH alone."""


def _check_address() -> None:
    """Raise ConfigError if DOCKER_HOST may hold a password: Docker repeats it in its errors."""
    if not _PLAIN_ADDRESS.fullmatch(os.environ.get(settings.DOCKER_HOST, "")):
        raise ConfigError(_NO_ADDRESS, _ADDRESS_HINT)


def answers() -> bool:
    """Return whether an engine answers now."""
    try:
        return bool(client().ping())
    except (EnvironmentFailed, *_CALL_ERRORS):
        return False


def version() -> str:
    """Return the engine's version, for records."""
    return str(client().version()["Version"])


@cache
def build_command() -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the command and the environment that build with BuildKit.

    All `docker` clients on PATH are tried. One with the buildx plugin is preferred; a client before
    version 23 has BuildKit behind `DOCKER_BUILDKIT=1`. Raises EnvironmentFailed if there is none,
    and ConfigError if Docker's configuration cannot be used.
    """
    _check_address()
    docker_config.check()
    for path in _clients():
        done = _ask_client(path, "buildx", "version")
        if done is not None and done.code == 0:
            return (path, "buildx", "build"), {}
    for path in _clients():
        done = _ask_client(path, "version", "--format", "{{.Client.Version}}")
        major = done.stdout.partition(".")[0] if done is not None else ""
        if re.fullmatch("[0-9]{1,4}", major) and int(major) < 23:
            return (path, "build"), {"DOCKER_BUILDKIT": "1"}
    raise EnvironmentFailed("no docker client on PATH can build with BuildKit", BUILD_HINT)


def program() -> str:
    """Return the docker client that this project runs: the one that can also build."""
    return build_command()[0][0]


@contextlib.contextmanager
def failures(what: str, hint: str = CALL_HINT) -> Iterator[None]:
    """Turn the errors of calls of the engine into EnvironmentFailed; `what` names the calls."""
    try:
        yield
    except _CALL_ERRORS as error:
        raise EnvironmentFailed(f"{what} failed: {_short(error)}", hint) from None


@dataclass(frozen=True)
class HeldImage:
    """An image that the engine has. `id` is the digest of its configuration, which never changes.

    `digest` is that of its manifest, empty if the image was only built here. `config` is its
    configuration (`User`, `Env`, `ExposedPorts`, `Labels`, ...).
    """

    id: str
    digest: str
    config: Mapping[str, Any]


def obtain(reference: str) -> HeldImage:
    """Return the image that `reference` names, as `docker run` would take it.

    It is pulled if the engine does not have it. Raises ConfigError if there is no such image, and
    EnvironmentFailed if the engine or a registry fails.
    """
    if holds_credentials(reference):
        raise ConfigError(
            "the reference of the image contains a user name or a password", LOGIN_HINT
        )
    if not _REFERENCE.fullmatch(reference):
        raise ConfigError(
            f"{clean_line(reference, 80)!r} is not a reference of an image", _REFERENCE_HINT
        )
    with failures(f"reading the image {reference}"):
        image = _held_or_pulled(reference)
    names = image.attrs.get("RepoDigests") or ()
    digests = sorted({str(name).rpartition("@")[2] for name in names})
    return HeldImage(str(image.id), digests[0] if digests else "", image.attrs.get("Config") or {})


def _held_or_pulled(reference: str) -> Any:  # noqa: ANN401 - docker-py has no types
    """Return docker-py's image, and pull it if the engine does not have it.

    Raises ConfigError if nobody has the image: that is a mistake of a person, not of the machine.
    """
    try:
        with contextlib.suppress(ImageNotFound):
            return client().images.get(reference)
        if reference.startswith("sha256:"):  # no registry knows ids: it would read this as a name
            raise ConfigError(f"the engine has no image {reference}", _REFERENCE_HINT)
        _pull(reference)
        return client().images.get(reference)
    except DockerException as error:
        if getattr(error, "status_code", 0) in (400, 404) or _NO_IMAGE.search(str(error)):
            raise ConfigError(
                f"there is no image {reference}: {_short(error)}", _REFERENCE_HINT
            ) from None
        raise


def pull(reference: str) -> None:
    """Pull an image by digest, with progress, if the engine does not have it.

    Raises EnvironmentFailed.
    """
    with failures(f"pull of {reference}"):
        try:
            client().images.get(reference)
        except ImageNotFound:
            _pull(reference)


def no_logins(folder: Path) -> dict[str, str]:
    """Return the variables with which a docker client reads no configuration.

    With one, it would hand on the address of a proxy. `folder` has no configuration of Docker in
    it.
    """
    return {"DOCKER_CONFIG": str(folder)}


def remove_container(name: str) -> None:
    """End and remove a container, if there is one of this name and the engine answers."""
    with contextlib.suppress(*_CALL_ERRORS, EnvironmentFailed):
        client().api.remove_container(name, force=True)


def _pull(reference: str) -> None:
    sizes: dict[str, int] = {}
    counted: dict[str, int] = {}
    with progress.meter(f"pull {reference.partition('@')[0].rpartition('/')[2]}", 0) as meter:
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
    """Return the request for every GPU, by the engine's NVIDIA runtime or by CDI.

    Returns None on a machine without an NVIDIA driver.
    """
    if not Path("/dev/nvidiactl").exists() and shutil.which("nvidia-smi") is None:
        return None
    info = client().info()
    if "nvidia" in (info.get("Runtimes") or {}):
        return DeviceRequest(count=-1, capabilities=[["gpu"]])
    if info.get("CDISpecDirs"):
        return DeviceRequest(driver="cdi", device_ids=["nvidia.com/gpu=all"])
    return DeviceRequest(count=-1, capabilities=[["gpu"]])


def _clients() -> tuple[str, ...]:
    """Return every `docker` on PATH, in the order of PATH."""
    folders = os.get_exec_path()
    found = (shutil.which("docker", path=folder) for folder in folders)
    return tuple(dict.fromkeys(path for path in found if path))


def _ask_client(*command: str) -> shell.Ended | None:
    """Return what a docker client answered; None if it hangs or cannot be run."""
    try:
        return shell.ended(command, hint=BUILD_HINT, timeout_s=CLIENT_TIMEOUT_S)
    except EnvironmentFailed:
        return None


def _short(error: Exception) -> str:
    """Return the engine's message, without the address of its API and the value of DOCKER_HOST."""
    said = str(getattr(error, "explanation", None) or error)
    if address := os.environ.get(settings.DOCKER_HOST):
        said = said.replace(address, "DOCKER_HOST")
    return clean_line(said, 200) or type(error).__name__
