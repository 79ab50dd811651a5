"""What is inside an image, seen by a program in a container of it; and whether a bill of materials says the same.

The look is independent of Trivy on purpose: dpkg and Python themselves say what is installed.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import requests
from docker.errors import APIError, DockerException
from docker.types import LogConfig, Mount
from packageurl import PackageURL
from packaging.utils import canonicalize_name
from pydantic import AfterValidator, BeforeValidator, ConfigDict

from images.debian import installed_packages
from runner import engine, home, progress, records
from runner.errors import ConfigError, EnvironmentFailed
from scan.record import Package, Problem

LABEL = "pytorch-cuda-images.inside"
"""Holds the scratch folder of the run that started the container: where that is gone, the run is gone."""

LOOK = Path(__file__).resolve().parent / "look.py"
FOLDER = "/look"
TIMEOUT_S = 300.0
POLL_S = 0.2
MEMORY_BYTES = 2 << 30
PROCESSES = 64
NO_PYTHON, KILLED = 127, 137
KIND = "bill of materials"
RUN_AGAIN = "check the runner's memory and the engine's log, then run the scan again"
BUILD_AGAIN = "find what changed it since it was built, and build the image again"

TRUTH = {"deb": "dpkg", "pypi": "Python"}
"""Who in the image knows better, by type of package URL. Of other types nobody there does."""


def _installed(said: object) -> object:
    """Text in the form of dpkg's status file as versions by name."""
    if not isinstance(said, str):
        return said
    return {package.name: package.version for package in installed_packages(said)}


def _normalised(versions: dict[str, str]) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in versions.items()}


@dataclass(frozen=True)
class Inside:
    """Facts of one image, not judged. Versions are as dpkg and the packages' metadata give them; Python's names are
    normalised (PEP 503).

    `areas` are those of Debian's archive (`main`, `non-free`). `dpkg_query` is None where the image has no such
    program. `bundled` are package URLs that packages name as carried inside them, `shared_libraries` counts those in
    wheels' `.libs` folders. `setuid` gives modes (octal), `passwords` whether one is `set` or `none needed`, by
    account, `caches` bytes by path; paths are absolute.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    debian: Annotated[dict[str, str], BeforeValidator(_installed)]
    areas: dict[str, str]
    dpkg_query: Annotated[dict[str, str] | None, BeforeValidator(_installed)]
    python: Annotated[dict[str, str], AfterValidator(_normalised)]
    bundled: tuple[str, ...]
    shared_libraries: dict[str, int]
    setuid: dict[str, str]
    world_writable: tuple[str, ...]
    passwords: dict[str, str]
    superusers: tuple[str, ...]
    caches: dict[str, int]
    compilers: tuple[str, ...]
    browsers: tuple[str, ...]


@dataclass(frozen=True)
class _Ended:
    """How the program ended; `exit_code` is None where it did not."""

    exit_code: int | None
    document: str = ""
    said: str = ""


def inside(reference: str) -> Inside | Problem:
    """Look into an image (`HOST/REPOSITORY@DIGEST`), pulled where the engine has it not, in one container.

    A Problem where the image itself cannot be looked into: its Python is missing, crashes, hangs, or prints something
    else. It stands in the record beside the others, so that one bad image stops no other. Raises EnvironmentFailed
    where the engine fails, or the container is killed from outside.
    """
    engine.pull(reference)
    with home.scratch("inside") as folder, engine.failures(f"looking inside {reference}"):
        _remove_leftovers()
        shutil.copy2(LOOK, folder)
        ended = _run(reference, folder)
    return _understood(ended)


def _run(reference: str, folder: Path) -> _Ended:
    with _container(reference, folder) as container:
        try:
            container.start()
        except APIError as error:
            if 'exec: "python"' not in str(error):
                raise
            return _Ended(NO_PYTHON, said=str(error.explanation))
        if not _ends(container):
            return _Ended(None)
        if (code := _exit_code(container)) == KILLED:
            raise EnvironmentFailed(f"the container that looked inside {reference} was killed", RUN_AGAIN)
        return _Ended(code, _log(container, "stdout"), _log(container, "stderr"))


@contextlib.contextmanager
def _container(reference: str, folder: Path) -> Iterator[Any]:
    """Created, not started; removed whatever happens. It can read everything and change nothing."""
    container = engine.client().containers.create(
        reference,
        [f"{FOLDER}/{LOOK.name}"],
        entrypoint=["python"],
        user="0:0",
        labels={LABEL: str(folder)},
        network_mode="none",
        read_only=True,
        cap_drop=["ALL"],
        cap_add=["DAC_READ_SEARCH"],
        security_opt=["no-new-privileges"],
        mem_limit=MEMORY_BYTES,
        memswap_limit=MEMORY_BYTES,
        pids_limit=PROCESSES,
        mounts=[Mount(FOLDER, str(folder), type="bind", read_only=True)],
        # No driver files of the host: a default NVIDIA runtime would put them among the image's own.
        environment={"PYTHONDONTWRITEBYTECODE": "1", "NVIDIA_VISIBLE_DEVICES": "void"},
        healthcheck={"test": ["NONE"]},
        log_config=LogConfig(type=LogConfig.types.JSON, config={"max-size": "100m"}),
    )
    try:
        yield container
    finally:
        _remove(container)


def _remove(container: Any) -> None:  # noqa: ANN401 - docker-py has no types
    with contextlib.suppress(DockerException, requests.RequestException):  # the next look finds what is left
        container.remove(force=True, v=True)
        progress.say(f"removed container {container.short_id}", detail=True)


def _remove_leftovers() -> None:
    """Remove the containers of runs that were killed: making our scratch folder has removed theirs."""
    found = engine.client().containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
    for container in found:
        if not Path(container.labels[LABEL]).exists():
            _remove(container)


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


def _log(container: Any, stream: str) -> str:  # noqa: ANN401
    wanted = {"stdout": False, "stderr": False, stream: True}
    return str(container.logs(**wanted).decode("utf-8", errors="replace"))


def _understood(ended: _Ended) -> Inside | Problem:
    if ended.exit_code is None:
        return _closed(f"was still running after {TIMEOUT_S:.0f} s")
    if ended.exit_code != 0:
        said = (ended.said.strip().splitlines() or ["nothing"])[-1][:300]
        return _closed(f"exited {ended.exit_code}, its last words: {said}")
    try:
        return records.from_json(Inside, ended.document, "stdout")
    except ConfigError as error:
        return _closed(f"did not print one whole document: {error.message[:300]}")


def _closed(what: str) -> Problem:
    """The image's own fault: nothing in it can be checked, and so no bill of materials of it is believed."""
    way_out = "run `python -c 'import importlib.metadata'` in the image as root, and repair what stops it"
    return Problem(KIND, "python", f"the image cannot be looked into: its `python` {what}", way_out)


# Against a bill of materials


def disagreements(packages: tuple[Package, ...], inside: Inside) -> tuple[Problem, ...]:
    """Every package that the bill of materials and the image tell differently, and a type of which either has none.

    What a package carries inside it may be listed too, where the image holds the bill or the metadata that names it.
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
    """Packages that the image says it carries inside others and that no bill lists, counted by type (`cargo`, `rpm`).

    No vulnerability of theirs can be found: they are to be counted beside the findings.
    """
    listed = {(package.type, _name(package), package.version) for package in packages}
    carried = {(purl.type, *_key(purl)) for purl in _bundled(inside)}
    return dict(sorted(Counter(kind for kind, _, _ in carried - listed).items()))


def _of_dpkg(inside: Inside) -> Iterator[Problem]:
    """The status file that Trivy reads, against what dpkg itself makes of it."""
    if inside.dpkg_query is None:
        return
    for name in sorted(inside.debian.keys() | inside.dpkg_query.keys()):
        file, program = (said.get(name, "absent") for said in (inside.debian, inside.dpkg_query))
        if file != program:
            yield Problem(KIND, name, f"{file} in dpkg's status file, {program} says dpkg-query", BUILD_AGAIN)


def _none(kind: str, listed: int, there: int) -> Problem:
    what = f"the bill of materials lists {listed} packages of this type, {TRUTH[kind]} in the image knows {there}"
    way_out = "find what removed the packages' metadata from the image, or why Trivy did not read it"
    return Problem(KIND, kind, f"{what}; there is no image without any", way_out)


def _differences(
    kind: str, listed: Iterable[tuple[str, str]], truth: dict[str, str], carried: Collection[tuple[str, str]]
) -> Iterator[Problem]:
    there = set(truth.items())
    missing = dict(there - set(listed))
    excess = sorted(set(listed) - there - set(carried))
    for name, version in excess:
        real = missing.pop(name, None)
        said = f"which {TRUTH[kind]} does not know" if real is None else f"{TRUTH[kind]} says {real}"
        yield Problem(KIND, name, f"the bill of materials lists {version}, {said}", BUILD_AGAIN)
    for name, version in sorted(missing.items()):
        what = f"{TRUTH[kind]} has {version} installed, the bill of materials does not list it"
        yield Problem(KIND, name, what, "run the scan again; where it stays, Trivy does not see its metadata")


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
