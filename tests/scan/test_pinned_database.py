"""A vulnerability database belongs to one run: another run, or a refresh, does not change it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from oci.registry import file_sha256
from runner.errors import EnvironmentFailed
from scan import trivy
from scan.trivy import VulnerabilityDatabase
from tests.fakes.refusal import refused
from tests.fakes.trivy_db import PipAdvisory, write

KNOWN = PipAdvisory("CVE-2026-2", "jinja2", ("< 9",), ("9",))
OTHER = PipAdvisory("CVE-2026-3", "unrelated", ("< 1",), ("1",))


def obtain(folder: Path) -> VulnerabilityDatabase:
    found = trivy.obtain_database(str(folder), None)
    assert not isinstance(found, str), found
    return found


def ids(database: VulnerabilityDatabase, folder: Path) -> list[str]:
    sbom = folder / "sbom.cdx.json"
    component = {
        "type": "library",
        "name": "jinja2",
        "version": "3.0",
        "purl": "pkg:pypi/jinja2@3.0",
        "bom-ref": "pkg:pypi/jinja2@3.0",
    }
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    sbom.write_text(json.dumps(document | {"components": [component]}))
    found = trivy.find_vulnerabilities(sbom, database, folder / "found.json")
    results = found.get("Results") or []
    return [
        each["VulnerabilityID"] for every in results for each in every.get("Vulnerabilities", ())
    ]


@pytest.fixture
def databases(home: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A folder with a database that knows the package, and one that does not."""
    for name, advisory in (("full", KNOWN), ("empty", OTHER)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, [advisory], updated_at=datetime(2026, 11, 20, tzinfo=UTC))
    return tmp_path / "full", tmp_path / "empty"


def test_another_run_with_another_database_changes_nothing(
    databases: tuple[Path, Path], tmp_path: Path
) -> None:
    full, empty = map(obtain, databases)
    assert ids(full, tmp_path) == ["CVE-2026-2"]
    assert ids(empty, tmp_path) == []
    assert full.record.sha256 == file_sha256(databases[0] / "trivy.db")


def test_a_database_that_is_replaced_meanwhile_is_still_the_one_that_was_hashed(
    databases: tuple[Path, Path], tmp_path: Path
) -> None:
    full = obtain(databases[0])
    (databases[1] / "trivy.db").replace(databases[0] / "trivy.db")
    assert ids(full, tmp_path) == ["CVE-2026-2"]


def test_a_database_that_is_written_meanwhile_is_not_believed(
    databases: tuple[Path, Path], tmp_path: Path
) -> None:
    full = obtain(databases[0])
    (databases[0] / "trivy.db").write_bytes((databases[1] / "trivy.db").read_bytes())
    with refused(EnvironmentFailed, "changed while it was used", str(databases[0])):
        ids(full, tmp_path)


def test_a_database_on_another_disk_that_is_replaced_is_not_believed(
    databases: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    full = obtain(databases[0])
    assert ids(full, tmp_path) == ["CVE-2026-2"]
    (databases[1] / "trivy.db").replace(databases[0] / "trivy.db")
    with refused(EnvironmentFailed, "changed while it was used"):
        ids(full, tmp_path)
