"""Images that the engine has or pulls: by digest, with progress, and while the disk has room."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from docker import auth
from docker.errors import DockerException, ImageNotFound
from docker.types import CancellableStream

from runner import accounts, engine, free_space, progress
from runner.address import holds_credentials
from runner.errors import ConfigError, EnvironmentFailed, GateRefused
from runner.nouns import count_noun
from runner.redaction import show_value

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,511}")
"""The characters and the greatest length of a reference. The engine checks the rest."""
_NO_IMAGE = re.compile(r"manifest unknown|not found: does not exist|repository does not exist")
"""The messages of registries about a missing image, which the engine hands on as text."""
_REFERENCE_HINT = (
    "write HOST/REPOSITORY:TAG, HOST/REPOSITORY@sha256:..., or the name of an image that you built"
)
LOGIN_HINT = "write HOST/REPOSITORY:TAG, and log in with `docker login` instead"

DISK_HINT = "free space there, or remove images with `docker image rm`"
DISK_EVERY_S = 0.5
"""How often the disk is looked at while an image is pulled."""


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
    with engine.report_failures(f"reading the image {reference}"):
        pulled, image = _find_or_pull(reference, is_served_whole)
    digest = pulled or choose_digest(image.attrs.get("RepoDigests") or (), reference)
    return HeldImage(str(image.id), digest, image.attrs.get("Config") or {})


def _find_or_pull(reference: str, is_served_whole: Callable[[str], bool] | None) -> tuple[str, Any]:
    """Return the digest that was pulled, empty if the engine had the image, and docker-py's image.

    Raises ConfigError if nobody has the image: that is a mistake of a person, not of the machine.
    """
    try:
        with contextlib.suppress(ImageNotFound):
            return "", engine.connect_engine().images.get(reference)
        if reference.startswith("sha256:"):  # no registry knows ids: it would read this as a name
            raise ConfigError(f"the engine has no image {reference}", _REFERENCE_HINT)
        return _pull_with_progress(reference, is_served_whole), engine.connect_engine().images.get(
            reference
        )
    except DockerException as error:
        if _is_no_image(error):
            raise ConfigError(
                f"there is no image {reference}: {engine.shorten_message(error)}", _REFERENCE_HINT
            ) from None
        raise


def choose_digest(names: Iterable[str], reference: str) -> str:
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
    with engine.report_failures(f"pull of {reference}"):
        try:
            engine.connect_engine().images.get(reference)
        except ImageNotFound:
            _pull_with_progress(reference, is_served_whole)


def _pull_with_progress(reference: str, is_served_whole: Callable[[str], bool] | None) -> str:
    """Pull an image; return the digest of its manifest, empty if the engine does not tell it."""
    engine.require_reachable(str(auth.resolve_repository_name(reference)[0]))
    pulled = _PullState()
    name = reference.partition("@")[0].rpartition("/")[2]
    try:
        with progress.show_meter(f"pull {name}", 0) as meter:
            for event in _events_of_pull(reference):
                pulled.count_event(event, meter)
    except DockerException as error:
        problem = free_space.find_full_disk(free_space.disks_of(engine.connect_engine()))
        if problem:
            raise EnvironmentFailed(
                f"pull of {reference} failed: {engine.shorten_message(error)}; {problem}", DISK_HINT
            ) from None
        if pulled.retried or is_served_whole is None or _is_no_image(error):
            raise
        # the engine itself reaches the registry
        engine.connect_engine().api.inspect_distribution(reference, find_account(reference))  # type: ignore[no-untyped-call] # docker-py has no types
        if not is_served_whole(reference):
            raise
        raise ImageCannotBeUnpacked(
            f"the engine cannot unpack {reference}, of which the registry serves every part: "
            f"{engine.shorten_message(error)}",
            "build and push the image again, for linux/amd64",
        ) from None
    found = engine.connect_engine().images.get(reference)
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
    api, answers, problems = engine.connect_engine().api, list[requests.Response](), list[str]()
    disks, ended = free_space.disks_of(engine.connect_engine()), threading.Event()

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
    except engine.CALL_ERRORS:
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
