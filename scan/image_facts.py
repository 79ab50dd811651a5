"""What is inside an image, seen by a program in a container of it; and whether a bill of materials
says the same.

The look is independent of Trivy on purpose: dpkg and Python themselves say what is installed.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import docker
import requests
from docker.errors import APIError, DockerException
from docker.types import LogConfig, Mount, Ulimit
from packageurl import PackageURL
from packaging.utils import canonicalize_name
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from images.debian import installed_packages
from runner import blank_container, containers, engine, home, progress, records
from runner.containers import ImageCannotStart
from runner.errors import ConfigError
from runner.untrusted import Malformed, clean_line, parse_json
from scan.record import Package, Problem

PURPOSE = "look"
LABEL = "pytorch-cuda-images.inside"
"""Holds the scratch folder of the run that started the container: if that is gone, the run is gone.

It is read of containers with a name of ours alone: an image can carry any label.
"""

LOOK = Path(__file__).resolve().parent / "image_probe.py"
FOLDER = "/look"
DOCUMENT_BYTES = 16 << 20
"""The document of an image has 300 KB; most of it is dpkg's own file."""
TIMEOUT_S = 300.0
ANSWER_S = 300
"""How long the engine may take for one answer."""
POLL_S = 0.2
MEMORY_BYTES = 2 << 30
PROCESSES = 64
CANNOT_START, KILLED = 127, 137
KIND = "bill of materials"
BUILD_AGAIN = "find what changed it since it was built, and build the image again"

KINDS = 50
"""Types of package URL that are told apart. Some dozens are in use."""
_KIND = re.compile(r"[a-z][a-z0-9.+-]{0,40}")

TRUTH = {"deb": "dpkg", "pypi": "Python"}
"""Who in the image knows better, by type of package URL. Of other types nobody there does."""


def _installed(said: object) -> object:
    """Text in the form of dpkg's status file as versions by name."""
    if not isinstance(said, str):
        return said
    try:
        return {package.name: package.version for package in installed_packages(said)}
    except KeyError as error:
        raise ValueError(f"an installed package of dpkg has no {error.args[0]}") from None


def _normalised(versions: dict[str, str]) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in versions.items()}


_Count = Annotated[int, Field(ge=0, lt=1 << 63)]


@dataclass(frozen=True)
class Inside:
    """Facts of one image, not judged, in its own words: they are cleaned when a Problem is
    recorded.

    Versions are as dpkg and the packages' metadata give them; Python's names are normalised (PEP
    503).

    `areas` are those of Debian's archive (`main`, `non-free`). `dpkg_query` is None where the image
    has no such program. `bundled` are package URLs that packages name as carried inside them,
    `shared_libraries` counts those in wheels' `.libs` folders. `setuid` gives modes (octal),
    `passwords` whether one is `set` or `none needed`, by account, `caches` bytes by path; paths are
    absolute.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    debian: Annotated[dict[str, str], BeforeValidator(_installed)]
    areas: dict[str, str]
    dpkg_query: Annotated[dict[str, str] | None, BeforeValidator(_installed)]
    python: Annotated[dict[str, str], AfterValidator(_normalised)]
    bundled: tuple[str, ...]
    shared_libraries: dict[str, _Count]
    setuid: dict[str, str]
    world_writable: tuple[str, ...]
    passwords: dict[str, str]
    superusers: tuple[str, ...]
    caches: dict[str, _Count]
    compilers: tuple[str, ...]
    browsers: tuple[str, ...]


@dataclass(frozen=True)
class _Ended:
    """How the program ended; `exit_code` is None where it did not."""

    exit_code: int | None
    document: bytes = b""
    said: bytes = b""


def inside(reference: str) -> Inside | Problem:
    """Look into an image (`HOST/REPOSITORY@DIGEST`), pulled where the engine has it not, in one
    container.

    A Problem if the image itself cannot be looked into: its Python is missing, crashes, hangs, or
    prints something else. It stands in the record beside the others, so that one bad image stops no
    other. Raises EnvironmentFailed if the engine fails.
    """
    engine.pull(reference)
    with home.scratch("inside") as folder, engine.failures(f"looking inside {reference}"):
        _remove_leftovers()
        shutil.copy2(LOOK, folder)
        ended = _run(reference, folder)
        if (
            ended.exit_code == KILLED
        ):  # by somebody on this machine, or by the image itself: then it happens again
            ended = _run(reference, folder)
    return _understood(ended)


def _run(reference: str, folder: Path) -> _Ended:
    settings = _settings(folder)
    try:
        with _container(reference, folder, settings) as container:
            _start(container, settings)
            if not _ends(container):
                return _Ended(None)
            return _Ended(
                _exit_code(container), _log(container, "stdout"), _log(container, "stderr")
            )
    except ImageCannotStart as error:
        return _Ended(CANNOT_START, said=f"the image cannot be started: {error}".encode())


@contextlib.contextmanager
def _container(reference: str, folder: Path, settings: Mapping[str, Any]) -> Iterator[Any]:
    """A container that is created, not started, and removed whatever happens.

    Raises ImageCannotStart if the image is why it cannot be created.
    """
    config = _client().images.get(reference).attrs.get("Config") or {}
    volumes = containers.volumes_read_only(config, FOLDER, {LABEL: str(folder)})
    with containers.without_volumes_of_a_failure(_client(), volumes):
        try:
            container = _client().containers.create(
                reference,
                name=containers.new_name(PURPOSE),
                **{**settings, "mounts": [*settings["mounts"], *volumes]},
            )
        except APIError as error:
            _client().images.get(reference)  # somebody may have removed it meanwhile
            _raise_if_the_image_is_why(error, settings)
            raise
    try:
        yield container
    finally:
        _remove(container)


def _settings(folder: Path) -> dict[str, Any]:
    """Return what every container of a look is created with: it can read everything and change
    nothing.
    """
    return {
        "command": [f"{FOLDER}/{LOOK.name}"],
        "entrypoint": ["python"],
        "user": "0:0",
        "labels": {LABEL: str(folder)},
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "cap_add": ["DAC_READ_SEARCH"],
        "security_opt": ["no-new-privileges"],
        "mem_limit": MEMORY_BYTES,
        "memswap_limit": MEMORY_BYTES,
        "pids_limit": PROCESSES,
        "mounts": [Mount(FOLDER, str(folder), type="bind", read_only=True)],
        # No driver files of the host: a default NVIDIA runtime would put them among the image's
        # own.
        "environment": {"PYTHONDONTWRITEBYTECODE": "1", "NVIDIA_VISIBLE_DEVICES": "void"},
        "use_config_proxy": False,  # the address of a proxy may hold a password
        # No byte can be put into a file, wherever one could be written.
        "ulimits": [Ulimit(name=name, soft=0, hard=0) for name in ("core", "fsize")],
        "healthcheck": {"test": ["NONE"]},
        "log_config": LogConfig(
            type=LogConfig.types.JSON, config={"max-size": "64m", "max-file": "1"}
        ),
    }


def _start(container: Any, settings: Mapping[str, Any]) -> None:  # noqa: ANN401
    """Start a container. Raises ImageCannotStart if the image is why it does not start."""
    try:
        containers.require_plain_accounts(container)
        container.start()
    except DockerException as error:
        container.reload()  # somebody may have removed it meanwhile
        _raise_if_the_image_is_why(error, settings)
        raise


def _raise_if_the_image_is_why(error: DockerException, settings: Mapping[str, Any]) -> None:
    if blank_container.is_fault_of_the_image(_client(), error, settings):
        raise ImageCannotStart(
            clean_line(str(getattr(error, "explanation", "") or error))
        ) from None


def _client() -> docker.DockerClient:
    return engine.client(ANSWER_S)


def _remove(container: Any) -> None:  # noqa: ANN401 - docker-py has no types
    with contextlib.suppress(
        DockerException, requests.RequestException
    ):  # the next look finds what is left
        container.remove(force=True, v=True)
        containers.remove_volumes(container)
        progress.say(f"removed container {container.short_id}", detail=True)


def _remove_leftovers() -> None:
    """Remove the containers of runs that were killed: making our scratch folder has removed
    theirs.
    """
    client = engine.client(containers.REMOVAL_S)
    for left in containers.list_of_purpose(client, PURPOSE):
        if not Path(left.labels.get(LABEL, "/nowhere")).exists():
            containers.remove_left(client, left)
    containers.remove_left_volumes(client, LABEL)


def _ends(container: Any) -> bool:  # noqa: ANN401
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        container.reload()
        if container.status in ("exited", "dead"):
            return True
        time.sleep(POLL_S)
    return False


def _exit_code(container: Any) -> int:  # noqa: ANN401
    return int(container.attrs["State"]["ExitCode"])


def _log(container: Any, stream: str) -> bytes:  # noqa: ANN401
    """What was printed; of more than DOCUMENT_BYTES only the beginning, one byte more than that at
    least.
    """
    wanted = {"stdout": False, "stderr": False, stream: True}
    printed = bytearray()
    chunks = container.logs(**wanted, stream=True, follow=False)
    for chunk in chunks:
        printed += chunk
        if len(printed) > DOCUMENT_BYTES:
            chunks.close()
            break
    return bytes(printed)


def _understood(ended: _Ended) -> Inside | Problem:
    if ended.exit_code is None:
        return _closed(f"was still running after {TIMEOUT_S:.0f} s")
    if ended.exit_code != 0:
        said = ended.said[-4000:].decode(errors="replace").strip().splitlines() or ["nothing"]
        return _closed(f"exited {ended.exit_code}, its last words: {clean_line(said[-1])}")
    try:
        parse_json(
            ended.document, DOCUMENT_BYTES
        )  # depth, and keys given twice, which `from_json` does not bound
        return records.from_json(Inside, ended.document, "stdout")
    except (ConfigError, Malformed) as error:
        # The hint of an error about a file of records is left out: this document is no file of this
        # project.
        problem = error.message if isinstance(error, ConfigError) else str(error)
        return _closed(f"did not print one whole document: {clean_line(problem)}")


def _closed(what: str) -> Problem:
    """The image's own fault: nothing in it can be checked, and so no bill of materials of it is
    believed.
    """
    way_out = (
        "run `python -c 'import importlib.metadata'` in the image as root, and repair what stops it"
    )
    return Problem(KIND, "python", f"the image cannot be looked into: its `python` {what}", way_out)


# Against a bill of materials


def disagreements(packages: tuple[Package, ...], inside: Inside) -> tuple[Problem, ...]:
    """Every package that the bill of materials and the image tell differently, and a type of which
    either has none.

    What a package carries inside it may be listed too, where the image holds the bill or the
    metadata that names it.
    """
    found = [*_of_dpkg(inside)]
    for kind, truth in (("deb", inside.debian), ("pypi", inside.python)):
        listed = [(_name(package), package.version) for package in packages if package.type == kind]
        if not listed or not truth:
            found.append(_none(kind, len(listed), len(truth)))
        else:
            found.extend(_differences(kind, listed, truth, _carried(kind, inside)))
    return tuple(found)


def unlisted(packages: tuple[Package, ...], inside: Inside) -> dict[str, int]:
    """Packages that the image says it carries inside others and that no bill lists, counted by type
    (`cargo`, `rpm`).

    No vulnerability of theirs can be found: they are to be counted beside the findings.
    """
    listed = {(package.type, _name(package), package.version) for package in packages}
    carried = {(purl.type, *_key(purl)) for purl in _bundled(inside)}
    counted = Counter(
        kind if _KIND.fullmatch(kind) else "unknown" for kind, _, _ in carried - listed
    )
    return dict(sorted(counted.most_common(KINDS)))


def _of_dpkg(inside: Inside) -> Iterator[Problem]:
    """The status file that Trivy reads, against what dpkg itself makes of it."""
    if inside.dpkg_query is None:
        return
    for name in sorted(inside.debian.keys() | inside.dpkg_query.keys()):
        file, program = (said.get(name, "absent") for said in (inside.debian, inside.dpkg_query))
        if file != program:
            yield Problem(
                KIND, name, f"{file} in dpkg's status file, {program} says dpkg-query", BUILD_AGAIN
            )


def _none(kind: str, listed: int, there: int) -> Problem:
    what = (
        f"the bill of materials lists {listed} packages of this type, {TRUTH[kind]} in the "
        f"image knows {there}"
    )
    way_out = (
        "find what removed the packages' metadata from the image, or why Trivy did not read it"
    )
    return Problem(KIND, kind, f"{what}; there is no image without any", way_out)


def _differences(
    kind: str,
    listed: Iterable[tuple[str, str]],
    truth: dict[str, str],
    carried: Collection[tuple[str, str]],
) -> Iterator[Problem]:
    there = set(truth.items())
    missing = dict(there - set(listed))
    excess = sorted(set(listed) - there - set(carried))
    for name, version in excess:
        real = missing.pop(name, None)
        said = (
            f"which {TRUTH[kind]} does not know" if real is None else f"{TRUTH[kind]} says {real}"
        )
        yield Problem(KIND, name, f"the bill of materials lists {version}, {said}", BUILD_AGAIN)
    for name, version in sorted(missing.items()):
        what = f"{TRUTH[kind]} has {version} installed, the bill of materials does not list it"
        yield Problem(
            KIND, name, what, "run the scan again; where it stays, Trivy does not see its metadata"
        )


def _carried(kind: str, inside: Inside) -> set[tuple[str, str]]:
    return {_key(purl) for purl in _bundled(inside) if purl.type == kind}


def _bundled(inside: Inside) -> Iterator[PackageURL]:
    """What anybody wrote into a wheel: a package URL that is none names nothing."""
    for purl in inside.bundled:
        with contextlib.suppress(ValueError):
            yield PackageURL.from_string(purl)


def _key(purl: PackageURL) -> tuple[str, str]:
    return canonicalize_name(purl.name) if purl.type == "pypi" else purl.name, purl.version or ""


def _name(package: Package) -> str:
    return canonicalize_name(package.name) if package.type == "pypi" else package.name
