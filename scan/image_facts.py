"""Facts of an image, collected by the image probe in a container of it.

The image probe is independent of Trivy on purpose: dpkg and Python themselves list what is
installed.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from packaging.utils import canonicalize_name
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from images.debian import installed_packages
from runner import containers, engine, home, leftovers, pull, records, start_check
from runner.errors import ConfigError
from runner.untrusted import SCHEMA_VALUES, Malformed, clean_line, parse_json
from scan import private_files
from scan.probe_container import (
    DOCUMENT_BYTES,
    OPEN_IT,
    OWN_USER,
    PROBE,
    ROOT,
    Look,
    NoFacts,
    ProbeExit,
    image_attributes,
    run_probe,
    unstarted_container,
)
from scan.record import ScanProblem

TIMEOUT_S = 300.0
"""Maximum time of all containers of one image together."""
MAX_OWNERS = 10
"""Owners of private folders that the probe runs as. Images have one or two."""
MAX_PRIVATE_FOLDERS = 200
MAX_ID = 2**31 - 1
"""Largest id of a user or group that an engine starts a container with."""
KIND = "bill of materials"
RUN_PYTHON = (
    "run `python -c 'import importlib.metadata'` in the image with `docker run --user 0:0 "
    "--cap-drop ALL`, and repair what stops it"
)

_OWNER = re.compile(r"[0-9]{1,10}:[0-9]{1,10}")


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
        except NoFacts as error:
            what = f"the image cannot be probed: {error}"
            return ScanProblem(KIND, "python", what, error.way_out or RUN_PYTHON)


def _probe_as_owners(reference: str, folder: Path, deadline: float) -> ImageFacts:
    """Probe the whole image, then as each owner of what could not be read. Raises NoFacts."""
    user, looked = _probe_all(reference, folder, deadline)
    facts, private, users = looked.facts, dict(looked.private), {user}
    if private.pop(private_files.SHADOW, ""):
        with unstarted_container(reference, folder, private_files.SHADOW) as container:
            passwords = private_files.read_passwords(container, deadline)
        facts = replace(facts, passwords=passwords)
    while private:
        _require_readable(private, users)
        user = next(iter(private.values()))
        users.add(user)
        paths = tuple(path for path, owner in private.items() if owner == user)
        more = _probe_private(reference, folder, Look(user, paths, deadline))
        facts = _add_files(facts, more.facts)
        kept = {path: owner for path, owner in private.items() if path not in paths}
        private = {**kept, **more.private}
    return facts


def _probe_all(reference: str, folder: Path, deadline: float) -> tuple[str, _RootDocument]:
    """Probe as root, else as the image's own user, whose folders root may not enter.

    Returns the user too. Raises NoFacts, for root if neither can run the image's Python.
    """
    try:
        ended = run_probe(reference, folder, Look(ROOT, (), deadline))
        return ROOT, _parse_document(_RootDocument, ended)
    except NoFacts as error:
        config = image_attributes(reference).get("Config") or {}
        if str(config.get("User") or "0").partition(":")[0] in ("0", "root"):
            raise
        failed = error
    try:
        ended = run_probe(reference, folder, Look(OWN_USER, (), deadline))
        return OWN_USER, _parse_document(_RootDocument, ended)
    except NoFacts:
        raise failed from None


def _probe_private(reference: str, folder: Path, look: Look) -> _OwnerDocument:
    """Probe as the owner of private paths, else look at what the engine reads of them.

    An owner such as `_apt` cannot run a Python that is in the home of somebody else.
    """
    try:
        return _parse_document(_OwnerDocument, run_probe(reference, folder, look))
    except NoFacts:
        facts = FileFacts((), {}, {}, (), {}, (), ())
    for path in look.paths:
        with unstarted_container(reference, folder, path) as container:
            found = private_files.describe_private(container, path, look.deadline)
        document = json.dumps({"facts": found, "private": {}}).encode()
        wrong = f"what its `{clean_line(path)}` holds cannot be kept"
        more = _parse_document(_OwnerDocument, ProbeExit(0, document), wrong, OPEN_IT)
        facts = _add_files(facts, more.facts)
    return _OwnerDocument(facts, {})


def _require_readable(private: Mapping[str, str], users: Collection[str]) -> None:
    """Raise NoFacts unless each private path has an owner that the probe did not run as."""
    shown = clean_line(next(iter(private)))
    if len(private) > MAX_PRIVATE_FOLDERS or len(users) > MAX_OWNERS:
        raise NoFacts(
            f"too many folders and files cannot be read by root without capabilities: {shown}",
            OPEN_IT,
        )
    for path, owner in private.items():
        ids = owner.split(":") if _OWNER.fullmatch(owner) else []
        if owner in users or not ids or max(map(int, ids)) > MAX_ID:
            raise NoFacts(
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


def _parse_document(
    kind: type[_Document],
    ended: ProbeExit,
    wrong: str = "its `python` did not print one complete document",
    way_out: str = "",
) -> _Document:
    """Return what the probe printed. Raises NoFacts if it is something else: that is `wrong`."""
    if ended.exit_code is None:
        raise NoFacts(f"its `python` was still running after {TIMEOUT_S:.0f} s")
    if ended.exit_code != 0:
        lines = ended.errors[-4000:].decode(errors="replace").strip().splitlines() or ["nothing"]
        last = clean_line(lines[-1])
        raise NoFacts(f"its `python` exited with {ended.exit_code}; it printed last: {last}")
    try:
        parse_json(ended.document, DOCUMENT_BYTES, SCHEMA_VALUES)
        return records.from_json(kind, ended.document, "stdout", SCHEMA_VALUES)
    except (ConfigError, Malformed) as error:
        # Without the hint of the error, which is about files of records.
        problem = error.message if isinstance(error, ConfigError) else str(error)
        raise NoFacts(f"{wrong}: {clean_line(problem)}", way_out) from None
