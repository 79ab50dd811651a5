"""Cut a release: the stages in order, each from the records of the one before."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from images import build
from images.catalog import Catalog, Version
from images.layers import POOL, WHEEL
from images.locks import Wheel
from images.plan import ReleasePlan
from images.record import BuildRecord
from oci.registry import Registry
from publish import promotion
from publish.compare import compare_images
from publish.evidence import attest, documents, os_layer_signer
from publish.evidence.trust import Trusted
from publish.image_assessor import ImageAssessor
from publish.promotion import PromotionCandidate, PromotionRequest, PromotionResult
from publish.record_store import LOCAL, STAGES, RecordStore
from publish.released import proof
from publish.released.published import Published, find_previous, is_released, read_manifest
from publish.released.record import GateRefusal, PromotedTag, ReleaseRecord
from publish.signing_context import SigningContext
from runner import progress, records
from runner.moments import format_now
from runner.nouns import count_noun
from runner.time_limit import time_limit
from scan import run as scanning
from scan import store, trivy
from scan.advice import list_remedies
from scan.assess import AssessmentContext, CatalogPlace
from scan.difference import Difference
from scan.expected_image import ExpectedImage
from scan.image_facts import KIND as SBOM_PROBLEM
from scan.record import ScanRecord
from validation import run as validation
from validation.expectations import expect_image
from validation.record import ValidationRecord
from validation.run import ValidationTarget

__all__ = [
    "STAGES",
    "STAGE_LIMITS_S",
    "ReleaseRun",
    "StageOptions",
    "list_stages",
    "load_assessment_context",
]

STAGE_LIMITS_S = {
    "build": 3 * 3600,
    "validate": 12 * 3600,
    "scan": 3 * 3600,
    "promote": 3600,
    "report": 3600,
}
"""The most a stage may take over all images.

A slow machine takes minutes; validation on a GPU with the comparison of throughput takes hours for
a family of images. A stage that takes longer than this waits for something that never comes.
"""

T = TypeVar("T")


@dataclass(frozen=True)
class StageOptions:
    """The options of a person. `device` is auto, cuda or cpu; the database options are Trivy's.

    `renew` builds from today's Debian packages, though this version was built before.
    """

    device: str = "auto"
    trivy_db: str | None = None
    db_mirror: str | None = None
    promotion: PromotionRequest = field(default_factory=PromotionRequest)
    renew: bool = False


@dataclass(frozen=True)
class ReleaseRun:
    """One release on one registry, its records below the folder `out`."""

    catalog: Catalog
    version: Version
    plan: ReleasePlan
    registry: Registry
    out: Path
    options: StageOptions
    command: str

    @cached_property
    def signing_context(self) -> SigningContext:
        """Whom this run trusts, and who signs."""
        return SigningContext(self.registry, self.catalog)

    @cached_property
    def record_store(self) -> RecordStore:
        """The records of this release."""
        images = tuple(planned.image for planned in self.plan.images)
        return RecordStore(
            self.catalog,
            self.version,
            images,
            self.registry,
            self.out,
            self.command,
            self.signing_context,
        )

    def run_build(self) -> tuple[BuildRecord, ...]:
        """Build the images that are not in staging yet."""
        return self.run_timed("build", self._build_images)

    def run_validate(self) -> tuple[ValidationRecord, ...]:
        """Run the suites on every digest.

        A recent record of the same suites on the same device is used again.
        """
        return self.run_timed(
            "validate",
            lambda: tuple(
                self._validate_image(record) for record in self.record_store.read_builds()
            ),
        )

    def validate_locally(self, python: str) -> tuple[ValidationRecord, ...]:
        """Run the suites of every image in a Python of this machine: it proves no image."""
        validated = []
        for planned in self.plan.images:
            subject = self.make_validation_target(planned.image, "", python)
            record = validation.validate_image(subject, self.options.device, executor="local")
            self.record_store.write_validation(planned.image, record, LOCAL)
            validated.append(record)
        return tuple(validated)

    def run_scan(self) -> tuple[ScanRecord, ...]:
        """Scan every digest."""
        return self.run_timed("scan", self._scan_images)

    def run_promote(self) -> ReleaseRecord:
        """Decide from the evidence on the digests, and set the tags that the decision allows.

        Returns the record of the release as it is then; of a dry run, as it would be, and nothing
        is written.
        """
        # before a key is made for a release that cannot be promoted
        self.record_store.read_builds()
        if self.options.promotion.dry_run:
            return self.record_store.with_verdict(self._promote_images())
        self.run_timed("promote", lambda: self.record_store.write_release(self._promote_images()))
        return self.record_store.read_release()

    def read_sbom(self, build: BuildRecord) -> dict[str, Any] | None:
        """Return the CycloneDX document stored with an image; None if there is none."""
        return attest.read_signed_sbom(
            self.registry, build.repository, build.digest, self.signing_context.trusted
        )

    def read_proof(self, build: BuildRecord) -> str:
        """Return in words what the trusted test results about an image prove and do not prove."""
        trusted = self.signing_context.trusted
        return proof.read_proof(self.registry, build.repository, build.digest, trusted)

    def find_difference(self, build: BuildRecord) -> Difference | None:
        """Return the difference to the newest previous release of the line; None if there is none.

        Both are judged by the vulnerability database that is at hand, if there is one.
        """
        before = self._previous_image(build.image)
        if before is None:
            return None
        assessor = ImageAssessor(
            self.registry, self.catalog, self.signing_context.trusted, self._assessment_context
        )
        return compare_images(assessor, before, self._staged_image(build))

    def _build_images(self) -> tuple[BuildRecord, ...]:
        """Build the images, and tag them in staging with their version for other machines."""
        signer = self.signing_context.evidence_signer
        built = build.build(
            self.catalog,
            self.version,
            self.plan,
            self.registry,
            self.out,
            layer_signer=os_layer_signer.make_os_layer_signer(signer.signer),
            renew=self._should_renew(),
        )
        for record in built:
            signer.attest_build(record, self._list_wheels(record.image))
            manifest = read_manifest(self.registry, self._staged_image(record))
            tag = self.record_store.staging_tag(record.image)
            self.registry.put_manifest(record.repository, tag, manifest)
        return built

    def _list_wheels(self, image: str) -> tuple[Wheel, ...]:
        """Return the wheels of the locks of an image."""
        return tuple(
            wheel
            for planned in self.plan.images
            if planned.image == image
            for layer in planned.layers
            if layer.kind in (WHEEL, POOL)
            for wheel in layer.wheels
        )

    def _should_renew(self) -> bool:
        """Return whether the OS layer is made anew: never for a released version."""
        # first, so that an error about a registry that is down does not name one repository
        self.registry.ping()
        released = is_released(
            self.registry, self.catalog, self.version, self.signing_context.trusted
        )
        if self.options.renew and released:
            progress.say_line(f"  {self.version} is already released; --renew was ignored")
        return self.options.renew and not released

    def _staged_image(self, build: BuildRecord) -> Published:
        return Published(self.version, build.image, "staging", build.repository, build.digest)

    def _validate_image(self, record: BuildRecord) -> ValidationRecord:
        subject = self.make_validation_target(
            record.image, record.digest, record.image_reference(self.registry.host)
        )
        found = self.record_store.read_own_validation(record)
        if found is not None and validation.is_still_valid(found, subject, self.options.device):
            progress.say_line(
                f"  {record.image}: {found.verdict}; not run again, the same suites judged it at "
                f"{found.started_at}"
            )
        else:
            found = validation.validate_image(subject, self.options.device)
            self.record_store.write_validation(record.image, found, "validation")
        self.signing_context.evidence_signer.attest_tests(record, found)
        return found

    def make_validation_target(self, image: str, digest: str, reference: str) -> ValidationTarget:
        """Return an image of this release to judge; without a digest, only its suites are known."""
        stacks = self.catalog.stacks_of(image)
        line = self.version.line
        before = self._previous_image(image) if digest else None
        return ValidationTarget(
            version=str(self.version),
            image=image,
            stacks=stacks,
            digest=digest,
            reference=reference,
            expected=expect_image(self.catalog, line, stacks),
            driver_floor=self.catalog.lines[line].driver_floor,
            previous=f"{self.registry.host}/{before.repository}@{before.digest}" if before else "",
        )

    def _scan_images(self) -> tuple[ScanRecord, ...]:
        builds = self.record_store.read_builds()
        context = self._assessment_context
        scanned = tuple(self._scan_image(record, context) for record in builds)
        found = [judged.finding for record in scanned for judged in record.findings or ()]
        history = context.history.with_findings(found, context.today)
        repository, seal = (
            self.catalog.repositories.records,
            self.signing_context.seal_of_findings(),
        )
        store.store_history(self.registry, repository, history, seal, context.today)
        return scanned

    def _scan_image(self, build: BuildRecord, context: AssessmentContext) -> ScanRecord:
        path = self.record_store.path_of(build.image, "scan")
        place = CatalogPlace(self.version.line, build.stacks)
        target, before = self._scan_target(build, place), records.read_record(ScanRecord, path)
        scanned = scanning.scan_image(target, context, path.parent, before)
        records.write_record(path, scanned)
        attached: tuple[str, ...] = ()
        if scanned.sbom and not any(each.kind == SBOM_PROBLEM for each in scanned.problems):
            attached = store.attach_sbom(
                self.registry, build.repository, build.digest, scanned.sbom, path.parent
            )
        self.signing_context.evidence_signer.attest_scan(build, scanned, path.parent, attached)
        progress.say_line(
            f"  {build.image}: {scanned.verdict}{f', {scanned.reason}' if scanned.reason else ''}"
        )
        for text in list_remedies(scanned, place, context.today):
            progress.say_block(text, "    ")
        return scanned

    def _scan_target(self, build: BuildRecord, place: CatalogPlace) -> scanning.ScanTarget:
        catalog, before = self.catalog, self._previous_image(build.image)
        layers = read_manifest(self.registry, before).parse_blobs()[1:] if before else ()
        planned = next(each for each in self.plan.images if each.image == build.image)
        return scanning.ScanTarget(
            build=build,
            registry=self.registry.host,
            place=place,
            compiler=catalog.has_compiler(build.image),
            budget=catalog.budget_of(self.version.line, build.image),
            growth_percent=catalog.growth_percent,
            before=sum(layer.size for layer in layers) if before else None,
            production=catalog.repositories.production,
            wheels=self._list_wheels(build.image),
            ports=catalog.os_part_of(build.image).ports,
            expected=ExpectedImage(catalog, planned, build),
        )

    def _previous_image(self, image: str) -> Published | None:
        """Return the image of the newest previous release of the line; None if there is none."""
        trusted = self.signing_context.trusted
        return find_previous(self.registry, self.catalog, self.version, image, trusted)

    def _promote_images(self) -> ReleaseRecord:
        time_of_day = datetime.datetime.now(datetime.UTC).timetz()
        candidate = PromotionCandidate(
            catalog=self.catalog,
            version=self.version,
            builds=self.record_store.read_builds(),
            production=self.signing_context.open_production(str(self.version)),
            evidence_signer=self.signing_context.evidence_signer,
            trusted=self.signing_context.trusted,
            compare=self.find_difference,
            now=datetime.datetime.combine(_today(), time_of_day),
        )
        promoted = promotion.promote_candidate(candidate, self.options.promotion)
        put = None if self.options.promotion.dry_run else self.record_store.find_promotion()
        lines = tuple(str(reason) for reason in promoted.reasons)
        return replace(
            self.record_store.read_release(),
            channel=promoted.channel,
            promotions=tuple(self._show_tags(promoted)),
            finished_at=put.at if put else format_now(),
            refusal=GateRefusal(promoted.verdict, lines, promoted.reasons[0].cause)
            if lines
            else None,
        )

    def _show_tags(self, promoted: PromotionResult) -> Iterator[PromotedTag]:
        """Yield every tag as it was set, or would be; a transaction itself says what it sets."""
        repository = self.catalog.repositories.production
        for entry in promoted.outcome.entries:
            if self.options.promotion.dry_run:
                tag = f"{repository}:{entry.tag}"
                if entry.old == entry.new:
                    progress.say_line(f"  {tag} would stay at {entry.new}", detail=True)
                elif entry.old:
                    progress.say_line(f"  {tag} would move from {entry.old} to {entry.new}")
                else:
                    progress.say_line(f"  {tag} would be created at {entry.new}")
            yield PromotedTag(entry.image, repository, entry.tag, entry.new)
        staying = sum(entry.old == entry.new for entry in promoted.outcome.entries)
        if staying and self.options.promotion.dry_run:
            tags = count_noun(staying, "tag")
            progress.say_line(f"  {tags} would not move (details with --verbose)")
        for line in promoted.outcome.left:
            progress.say_line(f"  {line}")

    @cached_property
    def _assessment_context(self) -> AssessmentContext:
        return load_assessment_context(
            self.catalog, self.registry, self.options, self.signing_context.trusted
        )

    def run_timed(self, stage: str, work: Callable[[], T]) -> T:
        """Run a stage within its limit, and record how long it took."""
        progress.say_line(f"{stage} {self.version}: {', '.join(self.record_store.images)}")
        started = time.monotonic()
        with time_limit(f"{stage} of {self.version}", STAGE_LIMITS_S[stage]):
            done = work()
        seconds = round(time.monotonic() - started, 2)
        progress.say_line(f"{stage} {self.version}: {seconds} s")
        self.record_store.add_stage_time(stage, seconds)
        return done


def load_assessment_context(
    catalog: Catalog, registry: Registry, options: StageOptions, trusted: Trusted
) -> AssessmentContext:
    """Return what images are judged with today: policy, exceptions, history and a database.

    The vulnerability database is the one that `options` name; if they name none, it is downloaded.
    """
    database = trivy.obtain_database(options.trivy_db, options.db_mirror)
    seal = documents.make_findings_seal(attest.load_signer, trusted)
    return scanning.load_context(registry, catalog.repositories, database, _today(), seal)


def list_stages(stage: str | None) -> Sequence[str]:
    """Return the stages of a release up to and including `stage`; all of them if it is None."""
    return STAGES[: STAGES.index(stage) + 1] if stage else STAGES


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
