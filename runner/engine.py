"""The Docker engine and its clients: connect, find BuildKit and GPUs."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import shutil
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import docker
import requests
import urllib3
from docker.constants import DEFAULT_DOCKER_API_VERSION
from docker.errors import DockerException, StreamParseError
from docker.types import DeviceRequest
from pydantic import TypeAdapter

from runner import (
    docker_config,
    engine_kind,
    proxies,
    settings,
    shell,
)
from runner.child_variables import ENGINES
from runner.errors import ConfigError, EnvironmentFailed
from runner.untrusted import clean_line

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
START_HINT = "run `make setup`, which installs and starts one, or point DOCKER_HOST at yours"
BUILD_HINT = "install docker-buildx, or Debian's docker.io"
CALL_HINT = (
    "check the engine and the registry with `./release.py doctor`, then run the same command again"
)

CLIENT_TIMEOUT_S = 30

CALL_ERRORS = (
    DockerException,
    StreamParseError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
)
"""The errors of docker-py when the engine refuses a call or goes away."""


@cache
def connect_engine(answer_s: int = 600) -> docker.DockerClient:
    """Return a client of an engine that answers within `answer_s` seconds.

    Raises EnvironmentFailed if no engine answers, EngineUnsuited if one cannot do the work, and
    ConfigError if DOCKER_HOST, Docker's configuration or the current Docker context cannot be used.
    """
    _check_address()
    try:
        found = _make_client(answer_s)
        found.ping()
        info = TypeAdapter(dict[str, Any]).validate_python(found.info())
        engine_kind.require_limits(info)
    except (ValueError, RecursionError):  # a service that is no engine answers in other forms
        raise ConfigError(_NO_ADDRESS, _ADDRESS_HINT) from None
    except (DockerException, requests.RequestException) as error:
        if path := denied_socket():
            raise EnvironmentFailed(
                f"the Docker engine runs, and this user may not use its socket {path}",
                f"`sudo usermod -aG docker {getpass.getuser()}`, log in again, then run the same "
                "command",
            ) from None
        raise EnvironmentFailed(
            f"no Docker engine answers: {shorten_message(error)}", START_HINT
        ) from None
    return found


def denied_socket() -> str:
    """Return the path of an engine's socket that this user may not use; empty if there is none."""
    given = os.environ.get(settings.DOCKER_HOST, "").strip()
    address = given or docker_config.read_context_address().strip() or DEFAULT_SOCKET
    path = Path(address.removeprefix("unix://"))
    if not (path.is_absolute() and path.is_socket()):
        return ""
    return "" if os.access(path, os.R_OK | os.W_OK, effective_ids=True) else str(path)


_NO_ADDRESS = "DOCKER_HOST is not the address of a Docker engine"
_ADDRESS_HINT = (
    "write unix:///path or tcp://host:port, or unset it; the engine of another machine, as over "
    "SSH, does not see the folders of this one: run this program there"
)
_HOST = r"(?:[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])"
_ADDRESS = re.compile(rf"|unix://[^@?#]*|(?:tcp://)?{_HOST}:[0-9]+/?")
"""An address without a password, of a kind that docker-py reaches by itself."""


def _make_client(answer_s: int) -> docker.DockerClient:
    """Return docker-py's client, which reads no `~/.netrc`; a proxy leads to TCP alone."""
    # with a version given, it asks the engine nothing before it is set up here
    variables = dict(os.environ)
    address = "" if variables.get(settings.DOCKER_HOST) else docker_config.read_context_address()
    if address.startswith("unix://"):  # docker-py finds no context if Docker has no configuration
        variables[settings.DOCKER_HOST] = address
    found = docker.from_env(
        version=DEFAULT_DOCKER_API_VERSION, timeout=answer_s, environment=variables
    )
    found.api.trust_env = False
    if found.api.base_url.startswith(("http://", "https://")):
        proxies.check_proxies(found.api.base_url)
        found.api.proxies = requests.utils.get_environ_proxies(found.api.base_url)
    api: Any = found.api  # its types name nothing of this
    api._version = engine_kind.choose_api_version(api.version(api_version=False))
    return found


def _check_address() -> None:
    """Raise ConfigError if DOCKER_HOST or the current context is no address of an engine.

    Docker's clients repeat it in their errors, and it may hold a password. The configuration is
    checked too, since it names the context.
    """
    address = os.environ.get(settings.DOCKER_HOST, "").strip()
    if not _ADDRESS.fullmatch(address):
        raise ConfigError(_NO_ADDRESS, _ADDRESS_HINT)
    docker_config.check_config()
    if not address and not _ADDRESS.fullmatch(docker_config.read_context_address().strip()):
        raise ConfigError(
            "the current Docker context does not hold the address of an engine of this machine",
            docker_config.CONTEXT_HINT,
        )


def is_answering() -> bool:
    """Return whether an engine answers now."""
    try:
        return bool(connect_engine().ping())
    except (EnvironmentFailed, *CALL_ERRORS):
        return False


def engine_version() -> str:
    """Return the engine's version, for records."""
    return str(connect_engine().version().get("Version", ""))


def describe_engine() -> str:
    """Return the engine in words, for people. Raises as `connect_engine`."""
    with report_failures("asking the engine what it is"):
        return engine_kind.describe_engine(engine_version(), connect_engine().info())


def require_reachable(registry: str) -> None:
    """Raise EngineUnsuited if the engine cannot reach a registry (`HOST[:PORT]`) on loopback."""
    with report_failures("asking the engine what it is"):
        engine_kind.require_reachable(connect_engine().info(), registry)


@cache
def build_command() -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the command and the environment that build with BuildKit.

    All `docker` clients on PATH are tried. One with the buildx plugin is preferred; a client before
    version 23 has BuildKit behind `DOCKER_BUILDKIT=1`. Raises EnvironmentFailed if there is none,
    and ConfigError if DOCKER_HOST, Docker's configuration or the current Docker context cannot be
    used.
    """
    _check_address()
    for path in _find_clients():
        done = _ask_client(path, "buildx", "version")
        if done is not None and done.code == 0:
            return (path, "buildx", "build"), {}
    for path in _find_clients():
        done = _ask_client(path, "version", "--format", "{{.Client.Version}}")
        major = done.stdout.partition(".")[0] if done is not None else ""
        if re.fullmatch("[0-9]{1,4}", major) and int(major) < 23:
            return (path, "build"), {"DOCKER_BUILDKIT": "1"}
    raise EnvironmentFailed("no docker client on PATH can build with BuildKit", BUILD_HINT)


def docker_program() -> str:
    """Return the docker client that this project runs: the one that can also build."""
    return build_command()[0][0]


@contextlib.contextmanager
def report_failures(what: str, hint: str = CALL_HINT) -> Iterator[None]:
    """Turn the errors of calls of the engine into EnvironmentFailed; `what` names the calls."""
    try:
        yield
    except CALL_ERRORS as error:
        raise EnvironmentFailed(f"{what} failed: {shorten_message(error)}", hint) from None


def no_logins(folder: Path) -> dict[str, str]:
    """Return the variables with which a docker client reads no configuration.

    With one, it would hand on the address of a proxy. `folder` has no configuration of Docker in
    it.
    """
    return {"DOCKER_CONFIG": str(folder)}


def remove_container(name: str, wait_s: float = 0.0) -> None:
    """End and remove a container, if there is one of this name and the engine answers.

    Wait `wait_s` for one to come: the engine goes on creating it if its client has given up.
    """
    deadline = time.monotonic() + wait_s
    while True:
        with contextlib.suppress(*CALL_ERRORS, EnvironmentFailed):
            connect_engine().api.remove_container(name, force=True, v=True)
            return
        if time.monotonic() >= deadline:
            return
        time.sleep(1.0)


def gpu_request() -> DeviceRequest | None:
    """Return the request for every GPU, by the engine's NVIDIA runtime or by CDI.

    Returns None on a machine without an NVIDIA driver.
    """
    if not Path("/dev/nvidiactl").exists() and shutil.which("nvidia-smi") is None:
        return None
    info = connect_engine().info()
    if "nvidia" in (info.get("Runtimes") or {}):
        return DeviceRequest(count=-1, capabilities=[["gpu"]])
    if info.get("CDISpecDirs"):
        return DeviceRequest(driver="cdi", device_ids=["nvidia.com/gpu=all"])
    return DeviceRequest(count=-1, capabilities=[["gpu"]])


def _find_clients() -> tuple[str, ...]:
    """Return every `docker` on PATH, in the order of PATH."""
    folders = os.get_exec_path()
    found = (shutil.which("docker", path=folder) for folder in folders)
    return tuple(dict.fromkeys(path for path in found if path))


def _ask_client(*command: str) -> shell.CompletedProgram | None:
    """Return what a docker client answered; None if it hangs or cannot be run."""
    try:
        return shell.run_to_end(
            command, hint=BUILD_HINT, timeout_s=CLIENT_TIMEOUT_S, allowed=ENGINES
        )
    except EnvironmentFailed:
        return None


def shorten_message(error: Exception) -> str:
    """Return the engine's message, without the address of its API and the value of DOCKER_HOST."""
    text = str(getattr(error, "explanation", None) or error)
    if address := os.environ.get(settings.DOCKER_HOST):
        text = text.replace(address, "DOCKER_HOST")
    return clean_line(text, 200) or type(error).__name__
