"""Facts of an image, collected by the image probe in a container of it.

The image probe is independent of Trivy on purpose: dpkg and Python themselves list what is
installed.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

import docker
import requests
from docker.errors import APIError, DockerException
from docker.types import LogConfig, Mount, Ulimit
from packaging.utils import canonicalize_name
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from images.debian import installed_packages
from runner import (
    containers,
    engine,
    free_space,
    home,
    leftovers,
    progress,
    pull,
    records,
    start_check,
)
from runner.containers import ImageCannotStart
from runner.engine_kind import EngineObject
from runner.errors import ConfigError, EnvironmentFailed
from runner.untrusted import SCHEMA_VALUES, Malformed, clean_line, parse_json
from scan import private_files
from scan.record import ScanProblem

PURPOSE = "probe"

PROBE = Path(__file__).resolve().parent / "image_probe.py"
FOLDER = "/look"
DOCUMENT_BYTES = 16 << 20
"""Maximum size of the document with the facts. It has 300 KB, mostly dpkg's own file."""
TIMEOUT_S = 300.0
"""Maximum time of all containers of one image together."""
ROOT = "0:0"
OWN_USER = ""
"""The user that the image names; only its own files say which number that is."""
MAX_OWNERS = 10
"""Owners of private folders that the probe runs as. Images have one or two."""
MAX_PRIVATE_FOLDERS = 200
MAX_ID = 2**31 - 1
"""Largest id of a user or group that an engine starts a container with."""
ANSWER_S = 300
"""Maximum time of the engine for one answer."""
POLL_S = 0.2
MEMORY_BYTES = 2 << 30
PROCESSES = 64
KILLED = 137
"""Exit code of a program that a signal KILL ended."""
KIND = "bill of materials"
START_IT = (
    "start `python` in the image with `docker run --cap-drop ALL --entrypoint python`, and repair "
    "what stops it; if it is in a folder that only one user may enter, make that one the USER of "
    "the image, or let others in with `chmod a+rx`"
)
RUN_PYTHON = (
    "run `python -c 'import importlib.metadata'` in the image with `docker run --user 0:0 "
    "--cap-drop ALL`, and repair what stops it"
)
OPEN_IT = "give its owner the right to read it, or remove it"

_OWNER = re.compile(r"[0-9]{1,10}:[0-9]{1,10}")

"""Program of the image that lists its packages, by type of package URL. Other types have none."""


def _parse_status(value: object) -> object:
    """Return versions by name from a text in the form of dpkg's status file.

    Values that are not a text are returned unchanged.
    """
    if not isinstance(value, str):
        return value
    found = {package.name: package.version for package in installed_packages(value)}
    for field, values in (("Package", found), ("Version", found.values())):
        if "" in values:
            raise ValueError(f"an installed package of dpkg has no {field}")
    return found


_Count = Annotated[int, Field(ge=0, lt=1 << 63)]


@dataclass(frozen=True)
class FileFacts:
    """Facts of files of one image.

    Its text is not cleaned: that is done when a problem is recorded. `bundled` are package URLs of
    packages inside others, `shared_libraries` counts those in the `.libs` folders of wheels.
    `setuid` has modes (octal) by path, `caches` bytes by path. Paths are absolute.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    bundled: tuple[str, ...]
    shared_libraries: dict[str, _Count]
    setuid: dict[str, str]
    world_writable: tuple[str, ...]
    caches: dict[str, _Count]
    compilers: tuple[str, ...]
    browsers: tuple[str, ...]


@dataclass(frozen=True)
class ImageFacts(FileFacts):
    """Facts of one image. Its text is not cleaned: that is done when a problem is recorded.

    Versions are as dpkg and the metadata of packages have them; names of Python packages are
    normalised (PEP 503). `areas` are those of Debian's archive (`main`, `non-free`). `dpkg_query`
    is None if the image has no such program. `passwords` has `set` or `none needed` by account.
    """

    debian: Annotated[dict[str, str], BeforeValidator(_parse_status)]
    areas: dict[str, str]
    dpkg_query: Annotated[dict[str, str] | None, BeforeValidator(_parse_status)]
    python: Annotated[
        dict[str, str],
        AfterValidator(
            lambda versions: {canonicalize_name(name): versions[name] for name in versions}
        ),
    ]
    passwords: dict[str, str]
    superusers: tuple[str, ...]


@dataclass(frozen=True)
class _RootDocument:
    """The output of the image probe as root. `private` has owners (`UID:GID`) by path."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    facts: ImageFacts
    private: dict[str, str]


@dataclass(frozen=True)
class _OwnerDocument:
    """The output of the image probe as an owner of private folders."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    facts: FileFacts
    private: dict[str, str]


_Files = TypeVar("_Files", bound=FileFacts)
_Document = TypeVar("_Document", _RootDocument, _OwnerDocument)


@dataclass(frozen=True)
class _Look:
    """One run of the image probe: the user, and the paths that are looked into (none: all)."""

    user: str
    paths: tuple[str, ...]
    deadline: float


class _NoFacts(Exception):
    """The image prevents the probe: its problem."""

    def __init__(self, what: str, way_out: str = RUN_PYTHON) -> None:
        super().__init__(what)
        self.problem = ScanProblem(KIND, "python", f"the image cannot be probed: {what}", way_out)


@dataclass(frozen=True)
class _ProbeExit:
    """End of the image probe: its exit code (None if it did not end), stdout, and stderr."""

    exit_code: int | None
    document: bytes = b""
    errors: bytes = b""


def probe_image(reference: str) -> ImageFacts | ScanProblem:
    """Return the facts of an image (`HOST/REPOSITORY@DIGEST`), which is pulled if it is missing.

    Return a ScanProblem if the image itself prevents it: no container of it starts, or its Python
    is missing, crashes, hangs, or prints something else. So one bad image does not stop the others.
    Raises EnvironmentFailed if the engine fails.
    """
    start_check.require_own_machine()
    pull.pull_image(reference)
    with (
        home.scratch_folder("inside") as folder,
        engine.report_failures(f"probing the image {reference}"),
    ):
        leftovers.remove_leftovers(engine.connect_engine(containers.REMOVAL_S))
        # Every user of a container may read it.
        shutil.copy2(PROBE, folder)
        (folder / PROBE.name).chmod(0o644)
        folder.chmod(0o755)
        try:
            return _probe_as_owners(reference, folder, time.monotonic() + TIMEOUT_S)
        except _NoFacts as error:
            return error.problem


def _probe_as_owners(reference: str, folder: Path, deadline: float) -> ImageFacts:
    """Probe the whole image, then as each owner of what could not be read. Raises _NoFacts."""
    user, looked = _probe_all(reference, folder, deadline)
    facts, private, users = looked.facts, dict(looked.private), {user}
    if private.pop(private_files.SHADOW, ""):
        with _unstarted_container(reference, folder, private_files.SHADOW) as container:
            passwords = private_files.read_passwords(container, deadline)
        facts = replace(facts, passwords=passwords)
    while private:
        _require_readable(private, users)
        user = next(iter(private.values()))
        users.add(user)
        paths = tuple(path for path, owner in private.items() if owner == user)
        more = _probe_private(reference, folder, _Look(user, paths, deadline))
        facts = _add_files(facts, more.facts)
        kept = {path: owner for path, owner in private.items() if path not in paths}
        private = {**kept, **more.private}
    return facts


def _probe_all(reference: str, folder: Path, deadline: float) -> tuple[str, _RootDocument]:
    """Probe as root, else as the image's own user, whose folders root may not enter.

    Returns the user too. Raises _NoFacts, for root if neither can run the image's Python.
    """
    try:
        ended = _run_probe(reference, folder, _Look(ROOT, (), deadline))
        return ROOT, _parse_document(_RootDocument, ended)
    except _NoFacts as error:
        config = _image_attributes(reference).get("Config") or {}
        if str(config.get("User") or "0").partition(":")[0] in ("0", "root"):
            raise
        failed = error
    try:
        ended = _run_probe(reference, folder, _Look(OWN_USER, (), deadline))
        return OWN_USER, _parse_document(_RootDocument, ended)
    except _NoFacts:
        raise failed from None


def _probe_private(reference: str, folder: Path, look: _Look) -> _OwnerDocument:
    """Probe as the owner of private paths, else look at what the engine reads of them.

    An owner such as `_apt` cannot run a Python that is in the home of somebody else.
    """
    try:
        return _parse_document(_OwnerDocument, _run_probe(reference, folder, look))
    except _NoFacts:
        facts = FileFacts((), {}, {}, (), {}, (), ())
    for path in look.paths:
        with _unstarted_container(reference, folder, path) as container:
            found = private_files.describe_private(container, path, look.deadline)
        document = json.dumps({"facts": found, "private": {}}).encode()
        wrong = f"what its `{clean_line(path)}` holds cannot be kept"
        more = _parse_document(_OwnerDocument, _ProbeExit(0, document), wrong, OPEN_IT)
        facts = _add_files(facts, more.facts)
    return _OwnerDocument(facts, {})


def _require_readable(private: Mapping[str, str], users: Collection[str]) -> None:
    """Raise _NoFacts unless each private path has an owner that the probe did not run as."""
    shown = clean_line(next(iter(private)))
    if len(private) > MAX_PRIVATE_FOLDERS or len(users) > MAX_OWNERS:
        raise _NoFacts(
            f"too many folders and files cannot be read by root without capabilities: {shown}",
            OPEN_IT,
        )
    for path, owner in private.items():
        ids = owner.split(":") if _OWNER.fullmatch(owner) else []
        if owner in users or not ids or max(map(int, ids)) > MAX_ID:
            raise _NoFacts(
                f"its `{clean_line(path)}` can be read neither by root without capabilities nor by "
                f"its owner ({clean_line(owner, 30)})",
                OPEN_IT,
            )


def _add_files(facts: _Files, more: FileFacts) -> _Files:
    """Return `facts` with those of more files."""
    added: dict[str, Any] = {}
    for name, value in vars(more).items():
        had = getattr(facts, name)
        if not isinstance(value, dict):
            added[name] = tuple(dict.fromkeys((*had, *value)))
        elif name == "setuid":
            added[name] = {**had, **value}
        else:
            added[name] = dict(Counter(had) + Counter(value))
    return replace(facts, **added)


def _run_probe(reference: str, folder: Path, look: _Look) -> _ProbeExit:
    """Return the end of the probe in a container. Raises _NoFacts if none can be started."""
    ended = _run_once(reference, folder, look)
    if ended.exit_code == KILLED:
        # By somebody on this machine; if by the image itself, it happens again.
        return _run_once(reference, folder, look)
    return ended


def _run_once(reference: str, folder: Path, look: _Look) -> _ProbeExit:
    settings = _container_settings(folder, look)
    try:
        with _started_container(reference, folder, settings) as container:
            while time.monotonic() < look.deadline:
                container.reload()
                if container.status in ("exited", "dead"):
                    break
                time.sleep(POLL_S)
            else:
                return _ProbeExit(None)
            code = int(container.attrs["State"]["ExitCode"])
            return _ProbeExit(code, _read_log(container, "stdout"), _read_log(container, "stderr"))
    except ImageCannotStart as error:
        raise _NoFacts(f"no container of it can be started: {error}", START_IT) from None


@contextlib.contextmanager
def _unstarted_container(reference: str, folder: Path, path: str) -> Iterator[Any]:
    """Yield a container for the engine to read `path` in. Raises _NoFacts if it cannot be read."""
    settings = _container_settings(folder, _Look(ROOT, (), 0.0))
    try:
        with _created_container(reference, folder, settings) as container:
            containers.require_plain_accounts(container)
            yield container
    except ImageCannotStart as error:
        raise _NoFacts(f"no container of it can be created: {error}", START_IT) from None
    except Malformed as error:
        shown = clean_line(path)
        raise _NoFacts(f"its `{shown}` cannot be looked into: {error}", OPEN_IT) from None


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
        # the engine copies into each volume what the image has at its path
        size = int(_image_attributes(reference).get("Size") or 0)
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
    config = _image_attributes(reference).get("Config") or {}
    return containers.volumes_read_only(config, FOLDER)


def _image_attributes(reference: str) -> Mapping[str, Any]:
    attributes: Mapping[str, Any] = _engine_client().images.get(reference).attrs
    return attributes


def _container_settings(folder: Path, look: _Look) -> dict[str, Any]:
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


def _parse_document(
    kind: type[_Document],
    ended: _ProbeExit,
    wrong: str = "its `python` did not print one complete document",
    way_out: str = RUN_PYTHON,
) -> _Document:
    """Return what the probe printed. Raises _NoFacts if it is something else: that is `wrong`."""
    if ended.exit_code is None:
        raise _NoFacts(f"its `python` was still running after {TIMEOUT_S:.0f} s")
    if ended.exit_code != 0:
        lines = ended.errors[-4000:].decode(errors="replace").strip().splitlines() or ["nothing"]
        last = clean_line(lines[-1])
        raise _NoFacts(f"its `python` exited with {ended.exit_code}; it printed last: {last}")
    try:
        parse_json(ended.document, DOCUMENT_BYTES, SCHEMA_VALUES)
        return records.from_json(kind, ended.document, "stdout", SCHEMA_VALUES)
    except (ConfigError, Malformed) as error:
        # Without the hint of the error, which is about files of records.
        problem = error.message if isinstance(error, ConfigError) else str(error)
        raise _NoFacts(f"{wrong}: {clean_line(problem)}", way_out) from None
