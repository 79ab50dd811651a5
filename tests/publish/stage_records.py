"""Records and staged images of a release that never was, for tests of what is decided about it."""

from __future__ import annotations

from images.record import BuildRecord
from oci.manifest import LAYER_GZIP, OCI_CONFIG, Manifest, image_manifest
from oci.registry import Registry
from publish.state import StageRecords
from runner.verdict import Verdict
from scan.record import ScanRecord
from validation.check_list import hash_list, load_checks
from validation.record import Check, Environment, ValidationRecord
from validation.suite import SUITES
from validation.suites.contract.words import NO_GPU

STAGING = "staging"


def ddp_checks(gpus: int = 8) -> tuple[Check, ...]:
    """The listed checks of `ddp`, as a run with so many GPUs leaves them if all is well."""
    listed = load_checks(next(suite for suite in SUITES if suite.name == "ddp"))
    lacking = "NCCL gradient sync not proven (1 GPU)" if gpus else NO_GPU
    enough = {name: each.gpus <= gpus for name, each in listed.items()}
    return tuple(
        Check(
            name,
            Verdict.PASS if has else Verdict.NOT_RUN,
            "" if has else lacking,
            1.0,
            (),
        )
        for name, has in enough.items()
    )


def list_digest(name: str) -> str:
    """The digest of the list of a suite; empty for a name of no suite."""
    return next((hash_list(suite) for suite in SUITES if suite.name == name), "")


def built(image: str, digest: str = "sha256:" + "a" * 64, repository: str = STAGING) -> BuildRecord:
    """A build record with nothing in it but what promotion reads."""
    return BuildRecord(
        version="v2.6.0",
        image=image,
        stacks=("base",),
        repository=repository,
        digest=digest,
        media_type="",
        content_key="",
        layers=(),
        torch="2.6.0",
        cuda="12.4",
        python="3.11",
        base_source="",
        debian_packages=(),
        created_at="",
        seconds=0,
    )


def validated(
    build: BuildRecord, verdict: Verdict = Verdict.PASS, reason: str = ""
) -> ValidationRecord:
    """A validation record of that build."""
    where = Environment("docker", "cpu", (), "", "", 2, 0, 0, "", "")
    return ValidationRecord(
        version=build.version,
        image=build.image,
        digest=build.digest,
        key="",
        verdict=verdict,
        reason=reason,
        suites=(),
        environment=where,
        command="",
        started_at="",
        seconds=0,
    )


def scanned(build: BuildRecord, verdict: Verdict = Verdict.PASS, reason: str = "") -> ScanRecord:
    """A scan record of that build."""
    return ScanRecord(
        version=build.version,
        image=build.image,
        digest=build.digest,
        verdict=verdict,
        reason=reason,
        scanner="trivy",
        sbom=None,
        database=None,
        origins=(),
        findings=(),
        problems=(),
        started_at="",
        seconds=0,
    )


def known(
    image: str = "base",
    validation: Verdict = Verdict.PASS,
    scan: Verdict = Verdict.PASS,
    reason: str = "because",
) -> StageRecords:
    """All records of one image with these verdicts."""
    build = built(image)
    return StageRecords(
        build,
        validated(build, validation, reason if validation is not Verdict.PASS else ""),
        scanned(build, scan, reason if scan is not Verdict.PASS else ""),
    )


def staged(
    registry: Registry, image: str, repository: str = STAGING
) -> tuple[BuildRecord, Manifest]:
    """A small image in staging."""
    config = registry.push_bytes(repository, b'{"image": "%s"}' % image.encode(), OCI_CONFIG)
    layer = registry.push_bytes(repository, b"layer of " + image.encode(), LAYER_GZIP)
    manifest = image_manifest(config, [layer])
    registry.put_manifest(repository, manifest.digest, manifest)
    return built(image, manifest.digest, repository), manifest
