"""Trivy: the one scanner, run on digests in the registry, never on a tag and never through the engine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from runner import home, progress, shell
from runner.errors import ConfigError, EnvironmentFailed
from scan.record import Database

SCAN_TIMEOUT_S = 1800
DOWNLOAD_TIMEOUT_S = 120
HINT = "run the scan again; `make setup` installs Trivy where it is missing"
SCHEMA_VERSION = 2

_BINARY = Path(sys.executable).parent / "trivy"


@dataclass(frozen=True)
class VulnerabilityDatabase:
    """A database on disk, ready to use: Trivy's cache folder with `db/trivy.db` in it, and its record."""

    cache: Path
    record: Database


@cache
def version() -> str:
    """The scanner as it names itself."""
    said: dict[str, Any] = json.loads(shell.run([_BINARY, "--version", "--format", "json"], hint=HINT))
    return f"trivy {said['Version']}"


def bill_of_materials(reference: str, target: Path) -> dict[str, Any]:
    """Write the CycloneDX SBOM of an image in a registry to `target`, and return it parsed.

    Trivy keeps what it found by layer, so that a layer shared by images is analysed once.
    """
    target.unlink(missing_ok=True)
    command: list[str | Path] = [
        _BINARY,
        "image",
        "--quiet",
        "--image-src",
        "remote",
        "--format",
        "cyclonedx",
        "--output",
        target,
    ]
    options: list[str | Path] = [
        "--cache-dir",
        _cache(),
        "--timeout",
        f"{SCAN_TIMEOUT_S}s",
        "--skip-db-update",
        "--skip-java-db-update",
    ]
    shell.run([*command, *options, reference], hint=HINT, env=_environment(), timeout_s=SCAN_TIMEOUT_S)
    return _parsed(target)


def vulnerabilities(sbom: Path, database: VulnerabilityDatabase, target: Path) -> dict[str, Any]:
    """Judge a stored SBOM with a database; the result as Trivy's JSON, also left in `target`."""
    target.unlink(missing_ok=True)
    command: list[str | Path] = [
        _BINARY,
        "sbom",
        "--quiet",
        "--scanners",
        "vuln",
        "--format",
        "json",
        "--output",
        target,
    ]
    options: list[str | Path] = [
        "--cache-dir",
        database.cache,
        "--skip-db-update",
        "--skip-java-db-update",
        "--skip-vex-repo-update",
    ]
    shell.run([*command, *options, sbom], hint=HINT, env=_environment(), timeout_s=SCAN_TIMEOUT_S)
    return _parsed(target)


def database(given: str | None, mirror: str | None) -> VulnerabilityDatabase | str:
    """A database from the folder `given`, else downloaded from `mirror` or Trivy's own registry.

    Returns the reason in one line where none can be had. A folder that was given and is not one is a ConfigError.
    """
    if given is not None:
        return _from_folder(Path(given))
    folder = _cache()
    reason = _download(folder, mirror)
    return reason or VulnerabilityDatabase(folder, _describe(folder / "db", mirror or "trivy's own registry"))


def _from_folder(folder: Path) -> VulnerabilityDatabase:
    """`folder` holds trivy.db and metadata.json, or is a Trivy cache that holds them under db/."""
    held = folder / "db" if (folder / "db").is_dir() else folder
    if not (held / "trivy.db").is_file():
        raise ConfigError(f"{folder} holds no trivy.db", "give a folder with trivy.db and metadata.json")
    record = _describe(held, str(folder))
    folder = home.kept("trivy-given")
    link = folder / "db"
    link.unlink(missing_ok=True)
    link.symlink_to(held.resolve())
    return VulnerabilityDatabase(folder, record)


def _describe(folder: Path, source: str) -> Database:
    try:
        metadata = json.loads((folder / "metadata.json").read_text())
        if metadata["Version"] != SCHEMA_VERSION:
            raise ConfigError(
                f"{folder}: schema {metadata['Version']}, not {SCHEMA_VERSION}", "fetch a current database"
            )
        return Database(source, metadata["UpdatedAt"])
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{folder}/metadata.json is not readable: {error}", "fetch the database again") from None


def _download(folder: Path, mirror: str | None) -> str:
    """Fetch or refresh the database; the reason it could not be, or nothing."""
    options = ["--cache-dir", str(folder), *(["--db-repository", mirror] if mirror else [])]
    command = [str(_BINARY), "image", "--download-db-only", "--quiet", *options]
    progress.say("  refreshing the vulnerability database ...")
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S, env=_full_environment(), check=False
        )
    except subprocess.TimeoutExpired:
        return f"the vulnerability database did not download in {DOWNLOAD_TIMEOUT_S} s"
    except OSError as error:
        raise EnvironmentFailed(f"trivy cannot be run: {error.strerror}", HINT) from None
    if done.returncode == 0:
        return ""
    said = (done.stderr.strip().splitlines() or ["no message"])[-1]
    cause = re.sub(r" on [\d.:]+", "", said.partition(";")[0].strip(" *\t").rpartition("dial tcp: ")[2])[:120]
    return f"no vulnerability database could be downloaded ({cause}), and none was given with --trivy-db"


def _cache() -> Path:
    return home.kept("trivy")


def _environment() -> dict[str, str]:
    return {"TRIVY_DISABLE_TELEMETRY": "true", "TRIVY_SKIP_VERSION_CHECK": "true", "TRIVY_NON_SSL": "false"}


def _full_environment() -> dict[str, str]:
    return {**os.environ, **_environment()}


def _parsed(target: Path) -> dict[str, Any]:
    """Trivy's exit code is not enough: the report must be there and be whole."""
    try:
        parsed: dict[str, Any] = json.loads(target.read_text())
    except FileNotFoundError:
        raise EnvironmentFailed("trivy ended well but wrote no report", HINT) from None
    except ValueError:
        raise EnvironmentFailed("trivy wrote half a report", "check disk space, run the scan again") from None
    return parsed
