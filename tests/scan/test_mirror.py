"""The vulnerability database from a mirror: a real registry that holds it as Trivy's own does."""

from __future__ import annotations

import hashlib
import io
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from oci.manifest import OCI_MANIFEST, Manifest, canonical_json, image_manifest
from oci.registry import Registry
from scan import database, trivy
from tests.fakes.trivy_db import DebianAdvisory, PipAdvisory, write

pytestmark = pytest.mark.docker

LAYER = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
CONFIG = "application/vnd.aquasec.trivy.config.v1+json"
KNOWN = (
    DebianAdvisory("CVE-2026-9", "zsh", "9"),
    PipAdvisory("CVE-2026-8", "unrelated", ("< 1",), ("1",)),
)
UPDATED = datetime(2026, 11, 20, 6, tzinfo=UTC)


def mirror(host: str, folder: Path) -> str:
    """The planted database as an artifact; its reference."""
    write(folder, KNOWN, updated_at=UPDATED)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in ("trivy.db", "metadata.json"):
            archive.add(folder / name, name)
    registry = Registry(host)
    config = registry.push_bytes("mirror/trivy-db", b"{}", CONFIG)
    layer = registry.push_bytes("mirror/trivy-db", packed.getvalue(), LAYER)
    titled = {**layer.as_dict(), "annotations": {"org.opencontainers.image.title": "db.tar.gz"}}
    content = {**image_manifest(config, [layer]).content, "layers": [titled]}
    registry.put_manifest("mirror/trivy-db", "2", Manifest(canonical_json(content), OCI_MANIFEST))
    return f"{host}/mirror/trivy-db:2"


def test_the_database_of_a_mirror_is_recorded_with_its_source_digest_and_day(
    registry_host: str, home: Path, tmp_path: Path
) -> None:
    reference = mirror(registry_host, tmp_path)
    held = trivy.obtain_database(None, reference)
    assert not isinstance(held, str), held
    assert held.record.source == reference
    assert held.record.updated_at.startswith("2026-11-20T06:00:00")
    assert held.record.sha256 == hashlib.sha256((tmp_path / "trivy.db").read_bytes()).hexdigest()
    assert database.knows_advisory(held.database_file, "CVE-2026-9")


def test_a_mirror_that_holds_none_is_a_reason(registry_host: str, home: Path) -> None:
    said = trivy.obtain_database(None, f"{registry_host}/mirror/nothing:2")
    assert isinstance(said, str)
    assert "the vulnerability database could not be downloaded" in said
