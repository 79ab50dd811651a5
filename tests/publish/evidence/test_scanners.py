"""Another scanner finds what is attached to a released image: Trivy, as its users call it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from images.record import BuildRecord
from oci import referrers
from oci.manifest import Manifest
from oci.registry import Registry
from publish.evidence import store as evidence
from publish.evidence.predicates import OPENVEX, VULNERABILITIES, list_artifacts
from publish.tags import lock
from scan import trivy, vex
from scan.record import TriagedFinding, TriageStatus
from tests.fakes.packaged_image import JINJA2, push_packaged_image
from tests.fakes.registry import FakeRegistry
from tests.fakes.trivy_db import PipAdvisory, write
from tests.publish import line as lines
from tests.publish.line import FIRST, TODAY, Line, line_of_one
from tests.publish.stage_records import built
from tests.scan.samples import excuse, finding

HARMLESS, TAKEN = "CVE-2026-1", "CVE-2026-2"


def stage_real(registry: Registry, content: str, repository: str) -> tuple[BuildRecord, Manifest]:
    """An image in staging that has a package, another one for each folder of a test."""
    own = {"srv/of": content.rpartition(" ")[2].encode()}
    manifest = push_packaged_image(registry, repository, {**JINJA2, **own})
    return built("base", manifest.digest, repository), manifest


@pytest.fixture(
    params=[True, False, pytest.param(None, marks=pytest.mark.docker)],
    ids=["referrers API", "list under a tag", "distribution"],
)
def line(
    request: pytest.FixtureRequest, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Line]:
    monkeypatch.setattr(lock, "_wait_until", lambda *_: None)
    monkeypatch.setattr(lines, "staged", stage_real)
    if request.param is None:
        yield line_of_one(Registry(request.getfixturevalue("registry_host")), tmp_path)
        return
    with FakeRegistry(lists_referrers=request.param) as fake:
        yield line_of_one(Registry(fake.host), tmp_path)


def prepare(line: Line, *excused: str, today: datetime.date = TODAY) -> BuildRecord:
    """The image in staging, scanned: HARMLESS does not affect it, and TAKEN is a risk taken."""
    digest = stage_real(line.registry, line.folder.name, line.catalog.repositories.staging)[
        1
    ].digest
    excuses = [
        replace(excuse(id_=each), status="not_affected", justification="component_not_present")
        if each == HARMLESS
        else excuse(id_=each)
        for each in excused
    ]
    found = [
        TriagedFinding(finding(id_=each), TriageStatus.EXCUSED, "2026-12-21", "")
        for each in excused
    ]
    product = vex.name_product(f"host/{line.catalog.repositories.production}", digest)
    vex.write_vex(line.folder, product, found, excuses, today)
    return line.prepare("v2.6.0", findings=found, scanned_at=f"{today}T01:00:00+00:00")


def scan_released(line: Line, build: BuildRecord) -> dict[str, Any]:
    """What `trivy image --vex oci` says of the digest in production."""
    cache = line.folder / "cache"
    advisories = [PipAdvisory(each, "jinja2", ("< 9",), ("9",)) for each in (HARMLESS, TAKEN)]
    write(cache / "db", advisories)
    trivy._run_trivy(
        [
            *("image", "--image-src", "remote", "--scanners", "vuln", "--format", "json"),
            *("--vex", "oci", "--show-suppressed", "--cache-dir", cache, *trivy._OFFLINE),
            f"{line.registry.host}/{line.catalog.repositories.production}@{build.digest}",
        ],
        line.folder / "theirs.json",
    )
    report: dict[str, Any] = json.loads((line.folder / "theirs.json").read_text())
    return report


def test_trivy_leaves_out_what_does_not_affect_the_released_image(line: Line) -> None:
    build = prepare(line, HARMLESS, TAKEN)
    line.promote(build, FIRST)
    (result,) = scan_released(line, build)["Results"]
    assert [each["VulnerabilityID"] for each in result["Vulnerabilities"]] == [TAKEN]
    (hidden,) = result["ExperimentalModifiedFindings"]
    assert (hidden["Finding"]["VulnerabilityID"], hidden["Status"]) == (HARMLESS, "not_affected")
    assert hidden["Statement"] == "component_not_present"


def test_an_old_release_gets_its_document_by_a_scan_and_a_promotion(line: Line) -> None:
    """One that was promoted without any; before that was attached, or before it was excused."""
    before = TODAY - datetime.timedelta(days=1)
    line.promote(prepare(line, today=before), FIRST)
    build = prepare(line, HARMLESS, TAKEN)
    line.promote(build, FIRST)
    (result,) = scan_released(line, build)["Results"]
    assert [each["VulnerabilityID"] for each in result["Vulnerabilities"]] == [TAKEN]


def test_every_file_of_evidence_has_a_name(line: Line) -> None:
    """`oras pull` writes no blob without a title."""
    build = prepare(line, HARMLESS)
    line.promote(build, FIRST)
    production = line.catalog.repositories.production
    names = []
    for each in referrers.list_referrers(line.registry, production, build.digest):
        made = line.registry.read_manifest(production, each.descriptor.digest)
        assert made is not None
        (layer,) = made.content["layers"]
        names.append(layer["annotations"]["org.opencontainers.image.title"])
        assert each.annotations["org.opencontainers.image.title"] == names[-1]
    assert sorted(names) == [
        *("build.json", "decision.sigstore.json", "openvex.sigstore.json"),
        *("provenance.sigstore.json", "sbom.cdx.json", "sbom.sigstore.json", "sbom.spdx.json"),
        *("scan.json", "test-result.sigstore.json", "validation.json"),
        "vulnerability-result.sigstore.json",
    ]


@pytest.mark.parametrize("line", [True], ids=["referrers API"], indirect=True)
def test_evidence_has_no_tags_if_the_registry_lists_it(line: Line) -> None:
    build = prepare(line, HARMLESS)
    line.promote(build, FIRST)
    places = line.catalog.repositories
    for repository in (places.staging, places.production):
        tags = line.registry.list_tags(repository)
        assert not [each for each in tags if each.startswith("sha256-")]


def test_only_the_exceptions_of_the_last_scan_go_to_production(line: Line) -> None:
    prepare(line, HARMLESS, TAKEN, today=TODAY - datetime.timedelta(days=1))
    build = prepare(line, TAKEN)
    line.promote(build, FIRST)
    production = line.catalog.repositories.production
    found = evidence.read_evidence(line.registry, production, build.digest, line.trusted)
    (document,) = [each for each in found if each.predicate_type == OPENVEX]
    assert document.statement is not None
    stated = document.statement.predicate["statements"]
    assert [each["vulnerability"]["name"] for each in stated] == [TAKEN]
    scans = [each.statement for each in found if each.predicate_type == VULNERABILITIES]
    assert any(document.artifact in list_artifacts(each) for each in scans if each)
