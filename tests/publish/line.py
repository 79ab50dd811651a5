"""A line of one image, released as often as a test likes: in staging with all its evidence,
promoted, verified.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from images import catalog
from images.catalog import Catalog
from images.record import BuildRecord
from oci.registry import Registry, file_sha256
from publish.compare import compare_images
from publish.evidence import documents
from publish.evidence.attest import EvidenceSigner
from publish.evidence.store import Signer
from publish.evidence.trust import Trusted
from publish.image_assessor import ImageAssessor
from publish.promotion import (
    PromotionCandidate,
    PromotionRequest,
    PromotionResult,
    promote_candidate,
)
from publish.released import decision_check, trusted_journal
from publish.released.published import Published, find_previous
from publish.released.verify import VerifyResult, verify_reference
from publish.released.yank_statements import SignedYankMarks
from publish.tags.production import Production
from runner.verdict import Verdict
from scan import store, trivy
from scan.assess import AssessmentContext
from scan.difference import Difference
from scan.history import History
from scan.policy import load_policy
from scan.record import Origin, Sbom, TriagedFinding, TriageStatus
from tests.fakes.cyclonedx import sbom
from tests.publish.signed import (
    H200,
    P256,
    STARTED,
    WHEELS,
    build_record,
    scan_record,
    trust,
    validation_record,
)
from tests.publish.stage_records import STAGING, staged
from tests.scan.samples import CANARIES

TODAY = datetime.date(2026, 11, 21)
NOON = datetime.time(12)
CONTEXT = AssessmentContext(load_policy(), (), "no database here", History({}), TODAY, CANARIES)
MONTHLY = PromotionRequest(channel="monthly", kind="patch")
FIRST = PromotionRequest(channel="production", kind="major", approved=True)

DEBIAN_TRACKER = Origin("debian", 2, "Debian Security Tracker")

OURS = trust(P256)


@dataclass(frozen=True)
class Line:
    """A registry with a line of one image, and how its releases are made."""

    registry: Registry
    catalog: Catalog
    folder: Path
    signer: Signer = P256
    trusted: Trusted = OURS

    def prepare(
        self,
        version: str,
        *,
        signer: Signer | None = None,
        gpus: tuple[str, ...] | None = (H200,),
        jinja2: str = "3.1.4",
        findings: Sequence[TriagedFinding] = (),
        image: str = "base",
        software: Mapping[str, Any] | None = None,
        scanned_at: str = STARTED,
    ) -> BuildRecord:
        """A build in staging with all its evidence; without tests if `gpus` is None.

        `software` is its SBOM, by default one of four packages.
        """
        staging = self.catalog.repositories.staging
        content = f"{image} {version} {jinja2} of {self.folder.name}"
        _, manifest = staged(self.registry, content, staging)
        line = self.catalog.lines[self.catalog.require_version(version).line]
        build = replace(
            build_record(manifest.digest, image),
            stacks=self.catalog.stacks_of(image),
            torch=line.torch,
            cuda=line.cuda,
        )
        held = [
            replace(build.layers[0], digest=blob.digest, size=blob.size)
            for blob in manifest.parse_blobs()[1:]
        ]
        build = replace(build, version=version, repository=staging, layers=tuple(held))
        document = {**(software or sbom()), "metadata": {"timestamp": build.created_at}}
        (self.folder / trivy.SBOM).write_text(json.dumps(document).replace("3.1.4", jinja2))
        (self.folder / trivy.SPDX).write_text("{}")
        bill = Sbom(trivy.SBOM, file_sha256(self.folder / trivy.SBOM), trivy.SPDX, {"pypi": 2})
        scan = replace(
            scan_record(build, *findings),
            version=version,
            sbom=bill,
            origins=(DEBIAN_TRACKER,),
            started_at=scanned_at,
        )
        if any(each.standing is TriageStatus.BLOCKS for each in findings):
            scan = replace(scan, verdict=Verdict.FAIL, reason="1 finding blocks")
        evidence_signer = EvidenceSigner(
            self.registry, signer or self.signer, self.catalog.repositories.production
        )
        evidence_signer.attest_build(build, WHEELS)
        if gpus is not None:
            tested = validation_record(build, gpus=gpus)
            evidence_signer.attest_tests(build, replace(tested, version=version))
        documents = store.attach_sbom(
            self.registry, build.repository, build.digest, bill, self.folder
        )
        evidence_signer.attest_scan(build, scan, self.folder, documents)
        return build

    def promote(
        self,
        build: BuildRecord,
        asked: PromotionRequest = MONTHLY,
        today: datetime.date = TODAY,
        at: datetime.time = NOON,
    ) -> PromotionResult:
        version = self.catalog.require_version(build.version)

        def compare(image: BuildRecord) -> Difference | None:
            before = find_previous(self.registry, self.catalog, version, image.image, self.trusted)
            after = Published(version, image.image, "staging", image.repository, image.digest)
            return compare_images(self.assessor, before, after) if before else None

        candidate = PromotionCandidate(
            self.catalog,
            version,
            (build,),
            self.production,
            self.evidence_signer,
            self.trusted,
            compare,
            datetime.datetime.combine(today, at, datetime.UTC),
        )
        return promote_candidate(candidate, asked)

    @property
    def evidence_signer(self) -> EvidenceSigner:
        return EvidenceSigner(self.registry, self.signer, self.catalog.repositories.production)

    @property
    def assessor(self) -> ImageAssessor:
        return ImageAssessor(self.registry, self.catalog, self.trusted, CONTEXT)

    @property
    def production(self) -> Production:
        check_decision = decision_check.make_decision_check(
            self.registry, self.catalog.repositories, self.trusted
        )
        marks = SignedYankMarks(
            self.registry, self.catalog.repositories.production, self.trusted, lambda: self.signer
        )
        seal = documents.make_journal_seal(lambda: self.signer, self.trusted)
        read_decisions = decision_check.make_decision_reader(
            self.registry, self.catalog.repositories, self.trusted
        )
        return Production(
            self.registry,
            self.catalog.repositories,
            "a test",
            marks,
            seal,
            check_decision,
            read_decisions,
            documents.make_lock_seal(lambda: self.signer, self.trusted),
            self.catalog.images,
            partial(
                trusted_journal.confirm_once,
                self.registry,
                self.catalog.repositories,
                self.trusted,
                self.catalog.images,
            ),
        )

    def tags(self) -> dict[str, str]:
        """Every tag of production that people use."""
        repository = self.catalog.repositories.production
        names = [
            tag for tag in self.registry.list_tags(repository) if not tag.startswith("sha256-")
        ]
        return {name: self.registry.resolve_digest(repository, name) or "" for name in names}

    def verify(self, reference: str) -> VerifyResult:
        return verify_reference(self.registry, self.catalog.repositories, reference, self.trusted)


def line_of_one(registry: Registry, folder: Path) -> Line:
    """On repositories of its own: a real registry is shared by all tests."""
    shipped, stem = catalog.load_catalog(), folder.name.lower().replace("_", "-")
    names = {name: f"{stem}/{name}" for name in ("production", "records", "journal")}
    repositories = replace(shipped.repositories, staging=STAGING, **names)
    return Line(registry, replace(shipped, images=("base",), repositories=repositories), folder)
