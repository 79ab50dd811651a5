"""The container of the image probe: how it is confined, started, watched and removed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException
from docker.types import LogConfig, Mount, Ulimit

from runner import containers, engine, free_space, progress, pull, start_check
from runner.containers import ImageCannotStart
from runner.engine_kind import EngineObject
from runner.errors import EnvironmentFailed
from runner.untrusted import Malformed, clean_line

PURPOSE = "probe"
PROBE = Path(__file__).resolve().parent / "image_probe.py"
FOLDER = "/look"
DOCUMENT_BYTES = 16 << 20
"""Maximum size of the document with the facts. It has 300 KB, mostly dpkg's own file."""
ROOT = "0:0"
OWN_USER = ""
"""The user that the image names; only its own files say which number that is."""
ANSWER_S = 300
"""Maximum time of the engine for one answer."""
POLL_S = 0.2
MEMORY_BYTES = 2 << 30
PROCESSES = 64
KILLED = 137
"""Exit code of a program that a signal KILL ended."""
START_IT = (
    "start `python` in the image with `docker run --cap-drop ALL --entrypoint python`, and repair "
    "what stops it; if it is in a folder that only one user may enter, make that one the USER of "
    "the image, or let others in with `chmod a+rx`"
)
OPEN_IT = "give its owner the right to read it, or remove it"


@dataclass(frozen=True)
class Look:
    """One run of the image probe: the user, and the paths that are looked into (none: all)."""

    user: str
    paths: tuple[str, ...]
    deadline: float


class NoFacts(Exception):
    """The image prevents the probe: what is wrong, and what helps (nothing: look at its Python)."""

    def __init__(self, what: str, way_out: str = "") -> None:
        super().__init__(what)
        self.way_out = way_out


@dataclass(frozen=True)
class ProbeExit:
    """End of the image probe: its exit code (None if it did not end), stdout, and stderr."""

    exit_code: int | None
    document: bytes = b""
    errors: bytes = b""


def run_probe(reference: str, folder: Path, look: Look) -> ProbeExit:
    """Return the end of the probe in a container. Raises NoFacts if none can be started."""
    ended = _run_once(reference, folder, look)
    if ended.exit_code == KILLED:
        # By somebody on this machine; if by the image itself, it happens again.
        return _run_once(reference, folder, look)
    return ended


def _run_once(reference: str, folder: Path, look: Look) -> ProbeExit:
    settings = _container_settings(folder, look)
    try:
        with _started_container(reference, folder, settings) as container:
            while time.monotonic() < look.deadline:
                container.reload()
                if container.status in ("exited", "dead"):
                    break
                time.sleep(POLL_S)
            else:
                return ProbeExit(None)
            code = int(container.attrs["State"]["ExitCode"])
            return ProbeExit(code, _read_log(container, "stdout"), _read_log(container, "stderr"))
    except ImageCannotStart as error:
        raise NoFacts(f"no container of it can be started: {error}", START_IT) from None


@contextlib.contextmanager
def unstarted_container(reference: str, folder: Path, path: str) -> Iterator[Any]:
    """Yield a container for the engine to read `path` in. Raises NoFacts if it cannot be read."""
    settings = _container_settings(folder, Look(ROOT, (), 0.0))
    try:
        with _created_container(reference, folder, settings) as container:
            containers.require_plain_accounts(container)
            yield container
    except ImageCannotStart as error:
        raise NoFacts(f"no container of it can be created: {error}", START_IT) from None
    except Malformed as error:
        shown = clean_line(path)
        raise NoFacts(f"its `{shown}` cannot be looked into: {error}", OPEN_IT) from None


@contextlib.contextmanager
def _started_container(reference: str, folder: Path, settings: Mapping[str, Any]) -> Iterator[Any]:
    """Yield a container that was started; raises as `_created_container`."""
    with _created_container(reference, folder, settings) as container:
        try:
            containers.require_plain_accounts(container)
            container.start()
        except DockerException as error:
            container.reload()  # somebody may have removed it meanwhile
            volumes = _list_volumes(reference)
            _raise_if_the_image_is_why(error, reference, settings, volumes)
            raise
        yield container


@contextlib.contextmanager
def _created_container(reference: str, folder: Path, settings: Mapping[str, Any]) -> Iterator[Any]:
    """Yield a container that was not started; it is removed in any case.

    Raises ImageCannotStart if the image is why it cannot be created, and EnvironmentFailed if the
    engine's disk has no room for a copy of all of an image with volumes.
    """
    volumes = _list_volumes(reference)
    if volumes:
        # the engine copies into each volume what the image has at its path; a file may have many
        size = int(image_attributes(reference).get("Size") or 0) * len(volumes)
        disks = free_space.disks_of(_engine_client())
        if problem := free_space.find_full_disk(disks, size):
            raise EnvironmentFailed(
                f"the volumes of the image cannot be made: {problem}", pull.DISK_HINT
            )
    with containers.without_volumes_of_a_failure(_engine_client(), volumes):
        try:
            container = containers.create_confined(
                _engine_client(),
                reference,
                {
                    **settings,
                    "name": containers.new_name(PURPOSE),
                    "mounts": [*settings["mounts"], *volumes],
                },
            )
        except APIError as error:
            _engine_client().images.get(reference)  # somebody may have removed it meanwhile
            _raise_if_the_image_is_why(error, reference, settings, volumes)
            raise
    try:
        yield container
    finally:
        # The next run removes what is left.
        with contextlib.suppress(DockerException, requests.RequestException):
            container.remove(force=True, v=True)
            containers.remove_volumes(container)
            progress.say_line(f"removed container {container.short_id}", detail=True)


def _list_volumes(reference: str) -> list[Mount]:
    config = image_attributes(reference).get("Config") or {}
    return containers.volumes_read_only(config, FOLDER)


def image_attributes(reference: str) -> Mapping[str, Any]:
    """Return what the engine tells of an image that is there."""
    attributes: Mapping[str, Any] = _engine_client().images.get(reference).attrs
    return attributes


def _container_settings(folder: Path, look: Look) -> dict[str, Any]:
    """Return the settings of the probe's container: it reads what its user may, changes nothing."""
    return {
        "command": [f"{FOLDER}/{PROBE.name}", *look.paths],
        "entrypoint": ["python"],
        **({"user": look.user} if look.user != OWN_USER else {}),
        "read_only": True,
        "mem_limit": MEMORY_BYTES,
        "memswap_limit": MEMORY_BYTES,
        "pids_limit": PROCESSES,
        "mounts": [Mount(FOLDER, str(folder), type="bind", read_only=True)],
        # No driver files of the host: a default NVIDIA runtime would put them among the image's
        # own.
        "environment": {"PYTHONDONTWRITEBYTECODE": "1", "NVIDIA_VISIBLE_DEVICES": "void"},
        # No byte can be put into a file, wherever one could be written.
        "ulimits": [Ulimit(name=name, soft=0, hard=0) for name in ("core", "fsize")],
        "log_config": LogConfig(
            type=LogConfig.types.JSON, config={"max-size": "64m", "max-file": "1"}
        ),
    }


def _raise_if_the_image_is_why(
    error: DockerException, reference: str, settings: Mapping[str, Any], volumes: list[Any]
) -> None:
    if start_check.is_fault_of_image(_engine_client(), reference, settings, volumes):
        raise ImageCannotStart(
            clean_line(str(getattr(error, "explanation", "") or error))
        ) from None


def _engine_client() -> docker.DockerClient:
    return engine.connect_engine(ANSWER_S)


def _read_log(container: EngineObject, stream: str) -> bytes:
    """Return what was printed, cut off soon after DOCUMENT_BYTES."""
    wanted = {"stdout": False, "stderr": False, stream: True}
    printed = bytearray()
    chunks = container.logs(**wanted, stream=True, follow=False)
    for chunk in chunks:
        printed += chunk
        if len(printed) > DOCUMENT_BYTES:
            chunks.close()
            break
    return bytes(printed)
