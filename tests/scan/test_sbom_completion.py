"""SBOMs have the minimum elements of the NTIA, and name the released image; Trivy still reads them.

The elements ("The Minimum Elements For a Software Bill of Materials", NTIA, 2021-07-12): supplier,
name, version and another unique identifier of each component, relationships, author, timestamp.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from images.locks import Wheel
from images.record import BuildRecord, DebianPackage
from images.statement_names import DEFAULT
from oci.registry import Registry
from runner.moments import parse_moment
from scan import trivy
from scan.sbom_completion import ReleasedImage, complete_documents
from tests.fakes.packaged_image import DEBIAN, JINJA2, SITE_PACKAGES, push_packaged_image
from tests.fakes.registry import FakeRegistry
from tests.fakes.trivy_db import PipAdvisory, write
from tests.publish.stage_records import built

OTHERS = {
    f"{SITE_PACKAGES}/odd-1.dist-info/METADATA": (
        b"Metadata-Version: 2.4\nName: odd\nVersion: 1\nLicense-Expression: LicenseRef-Odd\n"
    )
}
EPOCH = (
    b"Package: bsdutils\nStatus: install ok installed\nVersion: 1:2.38.1-5\n"
    b"Architecture: amd64\nSource: util-linux (2.38.1-5)\nMaintainer: A <a@example.org>\n\n"
)
WHEELS = (
    Wheel("jinja2", "3.1.4", "c" * 64, "jinja2-3.1.4-py3-none-any.whl", 7),
    Wheel("odd", "2", "d" * 64, "odd-2-py3-none-any.whl", 7),
)
PACKAGES = (
    DebianPackage("libssl3", "3.0.11-1~deb12u2", "e" * 64),
    DebianPackage("bsdutils", "1:2.38.1-5", "f" * 64),
)
OURS = DEFAULT.removeprefix("https://")


@dataclass(frozen=True)
class Documents:
    """The SBOMs of an image, completed; `folder` has the files."""

    folder: Path
    build: BuildRecord
    name: str
    cyclonedx: dict[str, Any]
    spdx: dict[str, Any]


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Documents:
    folder = tmp_path_factory.mktemp("documents")
    status = "var/lib/dpkg/status"
    system = {**DEBIAN, status: DEBIAN[status] + EPOCH}
    with FakeRegistry() as fake:
        staging = "team/pytorch-cuda-staging"
        manifest = push_packaged_image(Registry(fake.host), staging, {**system, **JINJA2, **OTHERS})
        build = replace(built("base", manifest.digest, staging), debian_packages=PACKAGES)
        reference = build.image_reference(fake.host)
        trivy.analyse_image(reference, folder, folder / "cache")
        name = f"{fake.host}/team/pytorch-cuda"
    complete_documents(folder, build, ReleasedImage(name, WHEELS))
    found = (json.loads((folder / each).read_text()) for each in (trivy.SBOM, trivy.SPDX))
    return Documents(folder, build, name, *found)


def test_cyclonedx_has_the_minimum_elements(documents: Documents) -> None:
    metadata = documents.cyclonedx["metadata"]
    image, components = metadata["component"], documents.cyclonedx["components"]
    assert parse_moment(metadata["timestamp"], zoned=True)
    assert metadata["authors"] == [{"name": OURS}]
    for each in (image, *components):
        assert each["supplier"]["name"], each
        assert each["name"], each
        assert each["version"], each
        assert each.get("purl") or each["bom-ref"], each
    related = {each["ref"]: set(each["dependsOn"]) for each in documents.cyclonedx["dependencies"]}
    assert set(related) == {each["bom-ref"] for each in (image, *components)}
    assert set.union(*related.values()) == {each["bom-ref"] for each in components}


def test_spdx_has_the_minimum_elements(documents: Documents) -> None:
    spdx = documents.spdx
    assert f"Organization: {OURS}" in spdx["creationInfo"]["creators"]
    assert parse_moment(spdx["creationInfo"]["created"], zoned=True)
    for each in spdx["packages"]:
        assert each["supplier"].startswith("Organization: "), each
        assert each["name"], each
        assert each["versionInfo"], each
        assert each["SPDXID"], each
    licences = {each["licenseId"] for each in spdx["hasExtractedLicensingInfos"]}
    assert "LicenseRef-Odd" in licences, "a document that names it without declaring it is invalid"
    assert "DESCRIBES" in {each["relationshipType"] for each in spdx["relationships"]}


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("without", ["", "supplier"])
def test_a_checker_of_the_minimum_elements_says_the_same(
    documents: Documents, tmp_path: Path, without: str
) -> None:
    """ntia-conformance-checker, in an environment of its own; it reads SPDX alone."""
    document = json.loads(json.dumps(documents.spdx))
    document["packages"][-1].pop(without, None)
    (tmp_path / trivy.SPDX).write_text(json.dumps(document))
    command = ["uv", "tool", "run", "--from", "ntia-conformance-checker==6.0.0", "sbomcheck"]
    said = subprocess.run(
        [*command, "--comply", "ntia", tmp_path / trivy.SPDX],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"Conformant: {not without}" in said.stdout, said


def test_suppliers_and_hashes_are_of_who_gave_the_package(documents: Documents) -> None:
    found = {each["name"]: each for each in documents.cyclonedx["components"]}
    assert {name: each["supplier"]["name"] for name, each in found.items()} == {
        "debian": "Debian Project",
        "libssl3": "Debian OpenSSL Team <a@example.org>",
        "bsdutils": "A <a@example.org>",
        "Jinja2": "Python Package Index",
        "odd": "Python Package Index",
    }
    assert found["Jinja2"]["hashes"] == [{"alg": "SHA-256", "content": "c" * 64}]
    assert "hashes" not in found["odd"], "the lock has another version"
    for name, letter in (("libssl3", "e"), ("bsdutils", "f")):
        assert found[name]["hashes"] == [{"alg": "SHA-256", "content": letter * 64}]
    packages = {each["name"]: each for each in documents.spdx["packages"]}
    assert packages["Jinja2"]["checksums"] == [{"algorithm": "SHA256", "checksumValue": "c" * 64}]
    assert packages["bsdutils"]["checksums"][0]["checksumValue"] == "f" * 64
    assert "checksums" not in packages["odd"]


def test_both_name_the_released_image_with_its_version(documents: Documents) -> None:
    image = documents.cyclonedx["metadata"]["component"]
    digest, whole = documents.build.digest, f"{documents.name}@{documents.build.digest}"
    assert image["name"] == whole
    assert image["version"] == documents.build.version
    assert image["purl"] == image["bom-ref"]
    assert image["purl"].startswith(f"pkg:oci/pytorch-cuda@{digest}?")
    (container,) = (
        each for each in documents.spdx["packages"] if each["primaryPackagePurpose"] == "CONTAINER"
    )
    assert (container["name"], container["versionInfo"]) == (whole, documents.build.version)
    assert container["externalRefs"][0]["referenceLocator"] == image["purl"]
    for name in (trivy.SBOM, trivy.SPDX):
        assert "staging" not in (documents.folder / name).read_text()


def test_trivy_still_judges_the_completed_document(documents: Documents) -> None:
    cache = documents.folder / "advisories"
    write(cache / "db", [PipAdvisory("CVE-2026-1", "jinja2", ("< 9",), ("9",))])
    database = trivy.obtain_database(str(cache), None)
    assert not isinstance(database, str)
    report = trivy.find_vulnerabilities(
        documents.folder / trivy.SBOM, database, documents.folder / "findings.json"
    )
    (found,) = (each["Vulnerabilities"] for each in report["Results"] if "Vulnerabilities" in each)
    assert [each["VulnerabilityID"] for each in found] == ["CVE-2026-1"]
