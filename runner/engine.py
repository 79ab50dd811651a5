"""The Docker engine and its clients: connect, pull by digest, find BuildKit and GPUs."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import docker
import requests
import urllib3
from docker import auth
from docker.constants import DEFAULT_DOCKER_API_VERSION
from docker.errors import DockerException, ImageNotFound, StreamParseError
from docker.types import CancellableStream, DeviceRequest
from pydantic import TypeAdapter

from runner import (
    accounts,
    docker_config,
    engine_kind,
    free_space,
    progress,
    proxies,
    settings,
    shell,
)
from runner.address import holds_credentials
from runner.errors import ConfigError, EnvironmentFailed, GateRefused
from runner.nouns import count_noun
from runner.redaction import show_value
from runner.untrusted import clean_line

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
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
DISK_HINT = "free space there, or remove images with `docker image rm`"
DISK_EVERY_S = 0.5
"""How often the disk is looked at while an image is pulled."""

_CALL_ERRORS = (
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
            f"no Docker engine answers: {_short_message(error)}", START_HINT
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
    except (EnvironmentFailed, *_CALL_ERRORS):
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
    except _CALL_ERRORS as error:
        raise EnvironmentFailed(f"{what} failed: {_short_message(error)}", hint) from None


@dataclass(frozen=True)
class HeldImage:
    """An image that the engine has. `id` is what it is called there, which never changes.

    It is the digest of the configuration, or of the manifest if containerd keeps the images.
    `digest` is that of its manifest, empty if the image was only built here. `config` is its
    configuration (`User`, `Env`, `ExposedPorts`, `Labels`, ...).
    """

    id: str
    digest: str
    config: Mapping[str, Any]


class ImageCannotBeUnpacked(GateRefused):
    """The registry serves all of an image, and the engine cannot make an image of it."""


def obtain_image(reference: str, is_served_whole: Callable[[str], bool] | None = None) -> HeldImage:
    """Return the image that `reference` names, as `docker run` would take it.

    It is pulled if the engine does not have it. `is_served_whole` tells whether a registry has
    every part of an image. Raises ConfigError if there is no such image, ImageCannotBeUnpacked if
    it is whole and the engine cannot take it,
    EnvironmentFailed if the engine or a registry fails.
    """
    if holds_credentials(reference):
        raise ConfigError(
            "the reference of the image contains a user name or a password", LOGIN_HINT
        )
    if not _REFERENCE.fullmatch(reference):
        raise ConfigError(
            f"`{show_value(reference)}` is not a reference of an image", _REFERENCE_HINT
        )
    with report_failures(f"reading the image {reference}"):
        pulled, image = _find_or_pull(reference, is_served_whole)
    digest = pulled or _digest_among(image.attrs.get("RepoDigests") or (), reference)
    return HeldImage(str(image.id), digest, image.attrs.get("Config") or {})


def _find_or_pull(reference: str, is_served_whole: Callable[[str], bool] | None) -> tuple[str, Any]:
    """Return the digest that was pulled, empty if the engine had the image, and docker-py's image.

    Raises ConfigError if nobody has the image: that is a mistake of a person, not of the machine.
    """
    try:
        with contextlib.suppress(ImageNotFound):
            return "", connect_engine().images.get(reference)
        if reference.startswith("sha256:"):  # no registry knows ids: it would read this as a name
            raise ConfigError(f"the engine has no image {reference}", _REFERENCE_HINT)
        return _pull_with_progress(reference, is_served_whole), connect_engine().images.get(
            reference
        )
    except DockerException as error:
        if _is_no_image(error):
            raise ConfigError(
                f"there is no image {reference}: {_short_message(error)}", _REFERENCE_HINT
            ) from None
        raise


def _digest_among(names: Iterable[str], reference: str) -> str:
    """Return the digest of the manifest that a reference means, of those that an image has.

    It has one for each repository that it was pulled from or pushed to. Of a reference that names
    no repository, or one whose image was only built here, it is the first of all.
    """
    digest = reference.partition("@")[2]
    digests = {str(name).rpartition("@")[2]: _repository(str(name)) for name in names}
    if digest in digests:
        return digest
    same = [each for each, repository in digests.items() if repository == _repository(reference)]
    return min(same or digests, default="")


def _repository(reference: str) -> str:
    """Return a reference without tag and digest, as the engine shortens names of Docker Hub."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    name = f"{head}{slash}{last.partition(':')[0]}"
    return name.removeprefix("docker.io/").removeprefix("library/")


def pull_image(reference: str, is_served_whole: Callable[[str], bool] | None = None) -> None:
    """Pull by digest, with progress; nothing is done if the engine has it.

    `is_served_whole` is as for `obtain_image`. Raises ImageCannotBeUnpacked and EnvironmentFailed.
    """
    with report_failures(f"pull of {reference}"):
        try:
            connect_engine().images.get(reference)
        except ImageNotFound:
            _pull_with_progress(reference, is_served_whole)


def no_logins(folder: Path) -> dict[str, str]:
    """Return the variables with which a docker client reads no configuration.

    With one, it would hand on the address of a proxy. `folder` has no configuration of Docker in
    it.
    """
    return {"DOCKER_CONFIG": str(folder)}


def remove_container(name: str) -> None:
    """End and remove a container, if there is one of this name and the engine answers."""
    with contextlib.suppress(*_CALL_ERRORS, EnvironmentFailed):
        connect_engine().api.remove_container(name, force=True, v=True)


def _pull_with_progress(reference: str, is_served_whole: Callable[[str], bool] | None) -> str:
    """Pull an image; return the digest of its manifest, empty if the engine does not tell it."""
    require_reachable(str(auth.resolve_repository_name(reference)[0]))
    pulled = _PullState()
    name = reference.partition("@")[0].rpartition("/")[2]
    try:
        with progress.show_meter(f"pull {name}", 0) as meter:
            for event in _events_of_pull(reference):
                pulled.count_event(event, meter)
    except DockerException as error:
        problem = free_space.find_full_disk(free_space.disks_of(connect_engine()))
        if problem:
            raise EnvironmentFailed(
                f"pull of {reference} failed: {_short_message(error)}; {problem}", DISK_HINT
            ) from None
        if pulled.retried or is_served_whole is None or _is_no_image(error):
            raise
        # the engine itself reaches the registry
        connect_engine().api.inspect_distribution(reference, find_account(reference))  # type: ignore[no-untyped-call]
        if not is_served_whole(reference):
            raise
        raise ImageCannotBeUnpacked(
            f"the engine cannot unpack {reference}, of which the registry serves every part: "
            f"{_short_message(error)}",
            "build and push the image again, for linux/amd64",
        ) from None
    found = connect_engine().images.get(reference)
    size = progress.format_megabytes(int((found.attrs or {}).get("Size") or 0))
    progress.say_line(
        f"  pulled {name}: {count_noun(pulled.layers, 'layer')}; the image takes {size} in the "
        "engine"
    )
    return pulled.digest


def _is_no_image(error: Exception) -> bool:
    """Return whether the engine says that there is no such image."""
    return getattr(error, "status_code", 0) in (400, 404) or bool(_NO_IMAGE.search(str(error)))


class _PullState:
    """State of a pull, from the engine's events."""

    def __init__(self) -> None:
        self.digest = ""
        self.retried = False
        self.layers = 0
        self._sizes: dict[str, int] = {}
        self._counted: dict[str, int] = {}

    def count_event(self, event: Mapping[str, Any], meter: progress.Meter) -> None:
        """Show one event. Raises DockerException if it is an error."""
        if "error" in event:
            raise DockerException(event["error"])
        layer, status = str(event.get("id")), str(event.get("status"))
        detail = event.get("progressDetail") or {}
        done = 0
        if status == "Downloading" and "total" in detail:
            self._sizes[layer], done = detail["total"], detail["current"]
        elif status == "Pull complete":
            self.layers += 1
        elif status == "Download complete":
            done = self._sizes.get(layer, 0)
        elif status.startswith("Retrying in"):  # it could not be downloaded
            self.retried = True
        elif status.startswith("Digest: "):
            self.digest = status.removeprefix("Digest: ").strip()
        if done:
            meter.set_total(sum(self._sizes.values()))
            meter.advance_by(done - self._counted.get(layer, 0))
            self._counted[layer] = done


def _events_of_pull(reference: str) -> Iterator[Mapping[str, Any]]:
    """Yield what the engine tells of a pull, which is stopped if the disk becomes nearly full.

    A small layer can hold many gigabytes of zeros. Raises EnvironmentFailed if it was stopped.
    """
    api, answers, problems = connect_engine().api, list[requests.Response](), list[str]()
    disks, ended = free_space.disks_of(connect_engine()), threading.Event()

    def keep(answer: requests.Response, **_: object) -> None:
        if "/images/create" in str(answer.request.path_url):
            answers.append(answer)

    def watch() -> None:
        while not ended.wait(DISK_EVERY_S):
            if answers and (problem := free_space.find_full_disk(disks)):
                problems.append(problem)
                with contextlib.suppress(Exception):  # it may end this very moment
                    CancellableStream(iter(()), answers[-1]).close()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    api.hooks["response"].append(keep)
    try:
        watcher.start()
        account = find_account(reference)
        yield from api.pull(reference, stream=True, decode=True, auth_config=account)
    except _CALL_ERRORS:
        if not problems:
            raise
    finally:
        ended.set()
        watcher.join()
        api.hooks["response"].remove(keep)
    if problems:
        raise EnvironmentFailed(
            f"the pull of {reference} was stopped: {problems[0]}",
            DISK_HINT,
        )


def find_account(reference: str) -> dict[str, str]:
    """Return the account for the registry of a reference; without one, docker-py would search."""
    registry, _ = auth.resolve_repository_name(reference)
    return accounts.find_account(str(registry))


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
        return shell.run_to_end(command, hint=BUILD_HINT, timeout_s=CLIENT_TIMEOUT_S)
    except EnvironmentFailed:
        return None


def _short_message(error: Exception) -> str:
    """Return the engine's message, without the address of its API and the value of DOCKER_HOST."""
    text = str(getattr(error, "explanation", None) or error)
    if address := os.environ.get(settings.DOCKER_HOST):
        text = text.replace(address, "DOCKER_HOST")
    return clean_line(text, 200) or type(error).__name__
