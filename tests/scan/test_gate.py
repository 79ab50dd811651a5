"""The scan of real images in a real registry: planted faults are refused, a clean image passes."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from images.catalog import Budget
from images.record import BuiltLayer
from oci.registry import Registry
from runner import engine, home, shell
from runner.child_variables import BOOTSTRAP, ENGINES
from runner.verdict import Verdict
from scan import run, trivy
from scan.assess import Assessment, AssessmentContext, CatalogPlace, assess_sbom, verdict_of
from scan.history import History
from scan.policy import load_policy
from scan.record import Package, ScanRecord, TriageStatus
from scan.run import ScanTarget
from scan.sbom import read_packages
from tests.fakes.small_image import HINT, planted
from tests.fakes.trivy_db import DebianAdvisory, PipAdvisory, Vulnerability, write
from tests.publish.stage_records import built
from tests.scan.samples import CANARIES, excuse

pytestmark = pytest.mark.docker

SITE = "/usr/lib/python3/dist-packages"
TODAY = datetime.datetime.now(datetime.UTC).date()
LAYER = BuiltLayer("all", "os", "base", "key", "sha256:0", "sha256:0", 0, "built", 0.0)
BUDGET = Budget(megabytes=150, packages=200, layers=12)
NOTHING_KNOWN = (
    DebianAdvisory("CVE-2026-9", "zsh", "9"),
    PipAdvisory("CVE-2026-8", "unrelated", ("< 1",), ("1",)),
)
WITHOUT_SETUID = "RUN find / -xdev -type f -perm /6000 -exec chmod a-s {} +"
WITHOUT_CACHES = "RUN rm -rf /var/cache/apt/* /var/lib/apt/lists/*"
UNPATCHED = """--setup-hook=sed --in-place '/bookworm-/d' "$1/etc/apt/sources.list\""""
"""Debian 12 as its point releases are: without its security suite, nor its updates between point
releases.
"""


def python_package(name: str, version: str, licence: str) -> str:
    metadata = (
        f"Metadata-Version: 2.4\\nName: {name}\\nVersion: {version}\\nLicense-Expression: "
        f"{licence}\\n"
    )
    folder = f"{SITE}/{name}-{version}.dist-info"
    return f"RUN mkdir -p {folder} && printf '{metadata}' >{folder}/METADATA"


CLEAN = (WITHOUT_SETUID, WITHOUT_CACHES, python_package("good", "1.0", "MIT"))
KEY = "the private key goes here"
EVERYTHING = (
    *CLEAN,
    python_package("copyleft", "1.0", "GPL-3.0-only"),
    "RUN python3 -c \"import os; open('/junk', 'wb').write(os.urandom(200_000_000))\"",
    "RUN chmod u+s /usr/bin/env",
    "RUN printf 'aws_access_key_id = AKIA%s\\n' IOSFODNN7EXAMPLQ >/opt/credentials",
    KEY,
    "EXPOSE 22",
)


@pytest.fixture
def context(tmp_path: Path, home: Path) -> AssessmentContext:
    return make_context(tmp_path, *NOTHING_KNOWN)


def make_context(folder: Path, *advisories: DebianAdvisory | PipAdvisory) -> AssessmentContext:
    """With a database of today that knows these, critical and long fixed."""
    write(
        folder / "db",
        advisories,
        [Vulnerability(each.id, severity="CRITICAL") for each in advisories],
    )
    held = trivy.obtain_database(str(folder / "db"), None)
    return AssessmentContext(load_policy(), (), held, History({}), TODAY, CANARIES)


def pushed(tag: str, host: str) -> ScanTarget:
    """An image of the engine in the registry of the tests, as the build stage would hand it on."""
    name = f"{host}/planted"
    image = engine.connect_engine().images.get(tag)
    image.tag(name, "under-test")
    shell.run(
        [engine.docker_program(), "push", "--quiet", f"{name}:under-test"],
        hint="see the output",
        allowed=ENGINES,
    )
    registry = Registry(host)
    manifest = registry.read_manifest("planted", "under-test")
    assert manifest is not None
    engine.connect_engine().images.remove(f"{name}:under-test")
    size = sum(layer.size for layer in manifest.parse_blobs()[1:])
    layer = replace(LAYER, size=size)
    build = replace(built("base", manifest.digest), repository="planted", layers=(layer,))
    return ScanTarget(build, host, CatalogPlace("2.6", ("base",)), False, BUDGET, 5, None)


def scanned(
    host: str,
    context: AssessmentContext,
    folder: Path,
    instructions: Sequence[str],
    user: str = "1000:1000",
) -> ScanRecord:
    with planted("gate", *instructions, user=user) as tag:
        return run.scan_image(pushed(tag, host), context, folder / "out")


def test_a_clean_image_passes(
    registry_host: str, context: AssessmentContext, tmp_path: Path
) -> None:
    record = scanned(registry_host, context, tmp_path, CLEAN)
    assert (record.verdict, record.reason, record.problems) == (Verdict.PASS, "", ())
    assert record.sbom is not None
    assert record.sbom.packages["pypi"] == 1
    assert {origin.name for origin in record.origins} == {"Debian", "PyPI"}
    spdx = json.loads((tmp_path / "out" / record.sbom.spdx).read_text())
    assert len(spdx["packages"]) > sum(record.sbom.packages.values())


def test_everything_planted_is_refused_for_its_reason(
    registry_host: str, context: AssessmentContext, tmp_path: Path
) -> None:
    instructions = [
        f"RUN printf '%b' '{private_key()}' >/opt/key" if each == KEY else each
        for each in EVERYTHING
    ]
    record = scanned(registry_host, context, tmp_path, instructions, user="root")
    assert record.verdict is Verdict.FAIL
    found = {(problem.kind, problem.where): problem.what for problem in record.problems}
    says = {
        ("secret", "/opt/key:2"): "Asymmetric Private Key",
        ("secret", "the image's configuration:52"): "Asymmetric Private Key",
        ("secret", "/opt/credentials:1"): "AWS Access Key ID",
        ("configuration", "User"): "runs as root",
        ("configuration", "22/tcp"): "exposes this port",
        ("configuration", "/usr/bin/env"): "owner's or group's rights",
        ("licence", "copyleft 1.0"): "GPL-3.0-only is not allowed",
        ("budget", "base"): "the budget is 150 MB",
    }
    assert found.keys() == says.keys()
    for where, words in says.items():
        assert words in found[where]


def private_key() -> str:
    """A key of no one, its lines as printf takes them."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return "\\n".join([*pem.decode().splitlines(), ""])


def test_a_bill_that_lacks_what_is_inside_is_refused(
    registry_host: str, context: AssessmentContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trivy that overlooks a package, as it would where it does not know its metadata."""
    whole = trivy._read_output

    def without_good(target: Path) -> dict[str, Any]:
        document = whole(target)
        kept = [each for each in document.get("components", ()) if each["name"] != "good"]
        return {**document, "components": kept} if kept else document

    monkeypatch.setattr(trivy, "_read_output", without_good)
    record = scanned(registry_host, context, tmp_path, CLEAN)
    assert record.verdict is Verdict.FAIL
    assert record.problems[0].kind == "bill of materials"


def test_planted_advisories_of_a_real_image(registry_host: str, tmp_path: Path, home: Path) -> None:
    """One that blocks, one that is excused, and one without a fix, in packages the image really
    has.
    """
    known = (
        PipAdvisory("CVE-2026-1", "good", ("< 2",), ("2.0",)),
        DebianAdvisory("CVE-2026-2", "bash", "99"),
        DebianAdvisory("CVE-2026-3", "bash"),
        *NOTHING_KNOWN,
    )
    context = make_context(tmp_path, *known)
    record = scanned(registry_host, context, tmp_path, CLEAN)
    standings = {judged.finding.id: judged.standing for judged in record.findings or ()}
    assert standings == {
        "CVE-2026-1": TriageStatus.BLOCKS,
        "CVE-2026-2": TriageStatus.BLOCKS,
        "CVE-2026-3": TriageStatus.UNFIXED,
    }
    purls = {
        judged.finding.id: judged.finding.purl.partition("?")[0] for judged in record.findings or ()
    }
    until = TODAY + datetime.timedelta(days=30)
    excuses = [
        excuse(id_=id_, package_=purls[id_], expires=until) for id_ in ("CVE-2026-1", "CVE-2026-2")
    ]
    again = assess_sbom(
        tmp_path / "out" / trivy.SBOM,
        CatalogPlace("2.6", ("base",)),
        replace(context, excuses=excuses),
    )
    assert verdict_of((), again)[0] is Verdict.PASS


@pytest.fixture(scope="module")
def unpatched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Debian 12 without its security suite, in the engine."""
    tar = tmp_path_factory.mktemp("unpatched") / "rootfs.tar"
    command = ["mmdebstrap", "--variant=minbase", "--include=python3-minimal", UNPATCHED]
    shell.run([*command, "bookworm", tar], hint=HINT, allowed=BOOTSTRAP)
    tag = "pytorch-cuda-images-tests/unpatched:bookworm"
    name, _, label = tag.partition(":")
    engine.connect_engine().api.import_image_from_file(str(tar), repository=name, tag=label)
    yield tag
    engine.connect_engine().images.remove(tag, force=True)


def test_debian_without_its_security_suite_is_refused_and_with_it_passes(
    unpatched: str, tmp_path: Path, home: Path
) -> None:
    with planted("patched", *CLEAN) as tag:
        patched_bill, unpatched_bill = (
            listed(tag, tmp_path / "patched"),
            listed(unpatched, tmp_path / "unpatched"),
        )
    held = {package.name: package.version for package in packages(unpatched_bill)}
    fixed = [each for each in packages(patched_bill) if _is_patched(each, held)]
    assert fixed, "the security suite is ahead of the last point release by nothing"
    advisories = [
        DebianAdvisory(f"CVE-2026-{at}", each.name, each.version)
        for at, each in enumerate(fixed, 100)
    ]
    context = make_context(tmp_path, *advisories, *NOTHING_KNOWN)
    assert verdict_of((), judged(patched_bill, context))[0] is not Verdict.FAIL
    refused = judged(unpatched_bill, context)
    assert verdict_of((), refused)[0] is Verdict.FAIL
    assert {found.finding.package for found in refused.findings or ()} >= {
        each.name for each in fixed
    }


def listed(tag: str, folder: Path) -> Path:
    """The bill of an image in the engine."""
    folder.mkdir()
    target = folder / trivy.SBOM
    command: list[str | Path] = [
        trivy._BINARY,
        "image",
        "--quiet",
        "--image-src",
        "docker",
        "--format",
        "cyclonedx",
        "--output",
        target,
    ]
    shell.run([*command, "--cache-dir", home.make_home_folder("trivy"), tag], hint="see the output")
    return target


def judged(bill: Path, context: AssessmentContext) -> Assessment:
    return assess_sbom(bill, CatalogPlace("2.6", ("base",)), context)


def packages(bill: Path) -> tuple[Package, ...]:
    return read_packages(json.loads(bill.read_text()))


def _is_patched(package: Package, held: dict[str, str]) -> bool:
    """Of another version than without the security suite, and named as its source, whose version
    advisories tell.
    """
    return (
        package.name == package.source
        and held.get(package.name, package.version) != package.version
    )
