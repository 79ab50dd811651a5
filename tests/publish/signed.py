"""Statements, keys and envelopes of tests: records of a release that passed everything, and what is
made of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from images.locks import Wheel
from images.record import BuildRecord, BuiltLayer, DebianPackage
from oci.manifest import Descriptor, Manifest, canonical_json
from oci.referrers import attach_artifact
from oci.registry import Registry
from publish.evidence import documents, statement
from publish.evidence import store as evidence
from publish.evidence.bundle_files import BUNDLE
from publish.evidence.documents import DocumentSeal
from publish.evidence.keys import PrivateKey, PublicKeys, compute_key_id
from publish.evidence.predicates import cyclonedx, decision, provenance, test_result, vulnerability
from publish.evidence.predicates.decision import DecisionClaim
from publish.evidence.predicates.provenance import Builder
from publish.evidence.statement import Statement
from publish.evidence.trust import Trusted
from publish.released.yank_statements import SignedYankMarks
from runner.verdict import Verdict
from scan.record import Database, Sbom, ScanRecord, TriagedFinding, TriageStatus
from tests.fakes.cyclonedx import sbom
from tests.publish.stage_records import built, ddp_checks, list_digest, scanned, validated
from tests.scan.samples import finding
from validation.record import Environment, SuiteResult, ValidationRecord
from validation.suite import list_suites

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
NAME = "pytorch-cuda"
STARTED = "2026-11-20T10:00:00+00:00"
H200 = "NVIDIA H200"
BASE_IMAGE = "docker.io/library/debian:12-slim@sha256:" + "d" * 64

DOCUMENT = json.dumps({**sbom(), "metadata": {"timestamp": STARTED}}).encode()
WHEELS = (
    Wheel("torch", "2.6.0", "c" * 64, "torch-2.6.0-cp311-cp311-manylinux1_x86_64.whl", 766_715_424),
)
BUILDER = Builder("https://forge.example/.github/workflows/release.yml@refs/heads/main")

P256: PrivateKey = ec.derive_private_key(7, ec.SECP256R1())
ED25519: PrivateKey = Ed25519PrivateKey.from_private_bytes(b"7" * 32)
STRANGER: PrivateKey = ec.derive_private_key(8, ec.SECP256R1())


def public(*keys: PrivateKey) -> PublicKeys:
    """The public halves."""
    return {compute_key_id(key.public_key()): key.public_key() for key in keys}


def public_pem(key: PrivateKey | rsa.RSAPrivateKey) -> str:
    """The public half as a file holds it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def trust(*keys: PrivateKey) -> Trusted:
    """Who believes these keys, and nobody else."""
    return Trusted(public(*keys))


def findings_seal(*keys: PrivateKey) -> DocumentSeal:
    """The first of these keys signs histories of findings, and all are believed."""
    return documents.make_findings_seal(lambda: keys[0], trust(*keys))


def journal_seal(*keys: PrivateKey) -> DocumentSeal:
    """The first of these keys signs journals, and all are believed."""
    return documents.make_journal_seal(lambda: keys[0], trust(*keys))


def marks(registry: Registry, repository: str, key: PrivateKey = P256) -> SignedYankMarks:
    """Marks that a key signs."""
    return SignedYankMarks(registry, repository, trust(key), lambda: key)


def build_record(digest: str = DIGEST, image: str = "base") -> BuildRecord:
    """A build of one wheel on the slim base."""
    layer = BuiltLayer(
        "torch 2.6.0", "wheel", "base", "1" * 64, "sha256:" + "e" * 64, "", 7, "reused", 0.0
    )
    return replace(
        built(image, digest),
        content_key="2" * 64,
        layers=(layer,),
        base_source=BASE_IMAGE,
        debian_packages=(DebianPackage("zlib1g", "1:1.2.13.dfsg-1"),),
        created_at=STARTED,
        debian_taken_at=STARTED,
        seconds=90.0,
    )


def suite(name: str, verdict: Verdict = Verdict.PASS, reason: str = "") -> SuiteResult:
    """A suite that ended so."""
    checks = ddp_checks() if name == "ddp" else ()
    return SuiteResult(name, verdict, reason, 1.5, checks, "", list_digest=list_digest(name))


def validation_record(
    build: BuildRecord,
    *suites: SuiteResult,
    verdict: Verdict = Verdict.PASS,
    gpus: Sequence[str] = (H200,),
) -> ValidationRecord:
    """A validation of that build on GPUs, all its suites passed unless `suites` says otherwise."""
    run = suites or tuple(suite(each.name) for each in list_suites(build.stacks))
    where = Environment(
        "docker", "cuda" if gpus else "cpu", tuple(gpus), "550.54", "cpu", 16, 1, 1, "6.1", "27"
    )
    return replace(
        validated(build, verdict),
        suites=run,
        environment=where,
        key="3" * 64,
        started_at=STARTED,
        seconds=61.5,
    )


def judged(standing: TriageStatus = TriageStatus.GRACE, id_: str = "CVE-2026-1") -> TriagedFinding:
    """A finding with that standing."""
    return TriagedFinding(
        finding(id_=id_), standing, "2026-12-01", "fixed since 2026-11-17, 14 days of grace"
    )


def scan_record(build: BuildRecord, *findings: TriagedFinding) -> ScanRecord:
    """A scan of that build, with DOCUMENT as its bill of materials."""
    return replace(
        scanned(build),
        scanner="trivy 0.76.0",
        sbom=Sbom(
            "sbom.cdx.json", hashlib.sha256(DOCUMENT).hexdigest(), "sbom.spdx.json", {"pypi": 2}
        ),
        database=Database("registry.example/trivy-db:2", "4" * 64, "2026-11-20T06:00:00+00:00"),
        findings=findings,
        started_at=STARTED,
        seconds=12.0,
    )


def decided(build: BuildRecord) -> DecisionClaim:
    """A decision that lets it go."""
    return DecisionClaim(
        version=build.version,
        image=build.image,
        channel="production",
        kind="patch",
        verdict=Verdict.PASS,
        reasons=(),
        tags=(build.version, "latest"),
        evidence=(OTHER,),
        policy="5" * 64,
        decided_on=STARTED,
    )


def statements(digest: str = DIGEST, image: str = "base") -> tuple[Statement, ...]:
    """One of each predicate, about an image that passed everything."""
    build = build_record(digest, image)
    scan = scan_record(build)
    return (
        provenance.make_statement(build, WHEELS, BUILDER, NAME),
        test_result.make_statement(validation_record(build), build.stacks, NAME),
        cyclonedx.make_statement(scan, DOCUMENT, NAME),
        vulnerability.make_statement(scan, NAME),
        decision.make_statement(decided(build), digest, NAME),
    )


def plain(about: Statement) -> dict[str, Any]:
    """A statement as JSON has it, to be changed."""
    content: dict[str, Any] = json.loads(statement.to_json(about))
    return content


def bundle(envelope: Mapping[str, Any]) -> bytes:
    """An envelope as another producer would wrap it."""
    return canonical_json(
        {"mediaType": BUNDLE, "verificationMaterial": {}, "dsseEnvelope": envelope}
    )


def plant(
    registry: Registry, repository: str, subject: Descriptor, data: bytes, claimed: str = ""
) -> Descriptor:
    """An artifact about `subject` that `publish_statements` would never make; it claims to hold the
    predicate type `claimed`.
    """
    notes = {"dev.sigstore.bundle.predicateType": claimed}
    return attach_artifact(registry, repository, subject, BUNDLE, [(BUNDLE, data)], notes)


def about(subject: Manifest) -> tuple[Statement, ...]:
    """`statements` of that image."""
    return statements(subject.digest)


def decide(
    registry: Registry, repository: str, tag: str, manifest: Manifest, key: PrivateKey = P256
) -> None:
    """Sign that a digest may carry a tag."""
    said = DecisionClaim(
        "v2.6.0",
        "cv",
        decision.PRODUCTION,
        "patch",
        Verdict.PASS,
        (),
        (tag,),
        (),
        "",
        "2026-11-21T00:00:00+00:00",
    )
    about = decision.make_statement(said, manifest.digest, repository)
    evidence.publish_statements(registry, repository, manifest.descriptor, [about], key)
