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
from images.plan import Plan
from images.record import BuildRecord
from oci.registry import Registry
from publish import promotion
from publish.compare import between
from publish.evidence import attest, documents, os_layer_signer
from publish.evidence.trust import Trusted
from publish.image_assessor import Bench
from publish.promotion import Asked, Candidate, Promoted
from publish.record_store import LOCAL, STAGES, RecordStore, time_now
from publish.released.published import Published, is_out, manifest_of, previous
from publish.released.record import Promotion, Refusal, ReleaseRecord
from publish.signing_context import SigningContext
from runner import progress, records
from runner.time_limit import time_limit
from scan import run as scanning
from scan import store, trivy
from scan.advice import advice
from scan.assess import Judges, Place
from scan.difference import Difference
from scan.image_facts import KIND as SBOM_PROBLEM
from scan.record import ScanRecord
from validation import run as validation
from validation.expectations import expected_of
from validation.record import ValidationRecord
from validation.run import Subject

__all__ = ["LONGEST_S", "STAGES", "Options", "Release", "stages_until", "todays_judges"]

LONGEST_S = {
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
class Options:
    """The options of a person. `device` is auto, cuda or cpu; the database options are Trivy's.

    `renew` builds from today's Debian packages, though this version was built before.
    """

    device: str = "auto"
    trivy_db: str | None = None
    db_mirror: str | None = None
    promotion: Asked = field(default_factory=Asked)
    renew: bool = False


@dataclass(frozen=True)
class Release:
    """One release on one registry, its records below the folder `out`."""

    catalog: Catalog
    version: Version
    plan: Plan
    registry: Registry
    out: Path
    options: Options
    command: str

    @cached_property
    def signing(self) -> SigningContext:
        """Whom this run trusts, and who signs."""
        return SigningContext(self.registry, self.catalog)

    @cached_property
    def store(self) -> RecordStore:
        """The records of this release."""
        images = tuple(planned.image for planned in self.plan.images)
        return RecordStore(
            self.catalog,
            self.version,
            images,
            self.registry,
            self.out,
            self.command,
            self.signing,
        )

    def build(self) -> tuple[BuildRecord, ...]:
        """Build the images that are not in staging yet."""
        return self._run_timed("build", self._build_images)

    def validate(self) -> tuple[ValidationRecord, ...]:
        """Run the suites on every digest.

        A recent record of the same suites on the same device is used again.
        """
        return self._run_timed(
            "validate",
            lambda: tuple(self._validate_image(record) for record in self.store.read_builds()),
        )

    def validate_here(self, python: str) -> tuple[ValidationRecord, ...]:
        """Run the suites of every image in a Python of this machine: it proves no image."""
        validated = []
        for planned in self.plan.images:
            subject = self._validation_target(planned.image, "", python)
            record = validation.validate(subject, self.options.device, executor="local")
            self.store.write_validation(planned.image, record, LOCAL)
            validated.append(record)
        return tuple(validated)

    def scan(self) -> tuple[ScanRecord, ...]:
        """Scan every digest."""
        return self._run_timed("scan", self._scan_images)

    def promote(self) -> ReleaseRecord:
        """Decide from the evidence on the digests, and set the tags that the decision allows.

        Returns the record of the release as it is then; of a dry run, as it would be, and nothing
        is written.
        """
        self.store.read_builds()  # before a key is made for a release that cannot be promoted
        if self.options.promotion.dry_run:
            return self.store.with_verdict(self._promote_images())
        self._run_timed("promote", lambda: self.store.write_release(self._promote_images()))
        return self.store.read_release()

    def read_sbom(self, build: BuildRecord) -> dict[str, Any] | None:
        """Return the CycloneDX document stored with an image; None if there is none."""
        return attest.signed_bill(
            self.registry, build.repository, build.digest, self.signing.trusted
        )

    def difference(self, build: BuildRecord) -> Difference | None:
        """Return the difference to the line's newest release before; None if there is none.

        Both are judged by the vulnerability database that is at hand, if there is one.
        """
        before = self._previous_image(build.image)
        if before is None:
            return None
        bench = Bench(self.registry, self.catalog, self.signing.trusted, self._judges)
        return between(bench, before, self._staged_image(build))

    def _build_images(self) -> tuple[BuildRecord, ...]:
        """Build the images, and tag them in staging with their version for other machines."""
        signer = self.signing.evidence_signer
        built = build.build(
            self.catalog,
            self.version,
            self.plan,
            self.registry,
            self.out,
            vouch=os_layer_signer.vouch_of(signer.signer),
            renew=self._should_renew(),
        )
        for record, planned in zip(built, self.plan.images, strict=True):
            layers = [layer for layer in planned.layers if layer.kind in (WHEEL, POOL)]
            signer.built(record, [wheel for layer in layers for wheel in layer.wheels])
            manifest = manifest_of(self.registry, self._staged_image(record))
            tag = self.store.staging_tag(record.image)
            self.registry.put_manifest(record.repository, tag, manifest)
        return built

    def _should_renew(self) -> bool:
        """Return whether the OS layer is made anew: never for a released version."""
        # first, so that an error about a registry that is down does not name one repository
        self.registry.ping()
        released = is_out(
            self.registry, self.catalog.repositories, self.version, self.signing.trusted
        )
        if self.options.renew and released:
            progress.say(f"  {self.version} is already released; --renew was ignored")
        return self.options.renew and not released

    def _staged_image(self, build: BuildRecord) -> Published:
        return Published(self.version, build.image, "staging", build.repository, build.digest)

    def _validate_image(self, record: BuildRecord) -> ValidationRecord:
        subject = self._validation_target(
            record.image, record.digest, record.reference(self.registry.host)
        )
        found = self.store.read_own_validation(record)
        if found is not None and validation.stands(found, subject, self.options.device):
            progress.say(
                f"  {record.image}: {found.verdict}; not run again, the same suites judged it at "
                f"{found.started_at}"
            )
        else:
            found = validation.validate(subject, self.options.device)
            self.store.write_validation(record.image, found, "validation")
        self.signing.evidence_signer.tested(record, found)
        return found

    def _validation_target(self, image: str, digest: str, reference: str) -> Subject:
        stacks = self.catalog.stacks_of(image)
        line = self.version.line
        before = self._previous_image(image) if digest else None
        return Subject(
            version=str(self.version),
            image=image,
            stacks=stacks,
            digest=digest,
            reference=reference,
            expected=expected_of(self.catalog, line, stacks),
            driver_floor=self.catalog.lines[line].driver_floor,
            previous=f"{self.registry.host}/{before.repository}@{before.digest}" if before else "",
        )

    def _scan_images(self) -> tuple[ScanRecord, ...]:
        builds = self.store.read_builds()
        judges = self._judges
        scanned = tuple(self._scan_image(record, judges) for record in builds)
        found = [judged.finding for record in scanned for judged in record.findings or ()]
        history = judges.history.with_findings(found, judges.today)
        repository, seal = self.catalog.repositories.records, self.signing.seal_of_findings()
        store.keep_history(self.registry, repository, history, seal, judges.today)
        return scanned

    def _scan_image(self, build: BuildRecord, judges: Judges) -> ScanRecord:
        path = self.store.path_of(build.image, "scan")
        place = Place(self.version.line, build.stacks)
        target, before = self._scan_target(build, place), records.read(ScanRecord, path)
        scanned = scanning.scan(target, judges, path.parent, before)
        records.write(path, scanned)
        attached: tuple[str, ...] = ()
        if scanned.sbom and not any(each.kind == SBOM_PROBLEM for each in scanned.problems):
            attached = store.keep_sbom(
                self.registry, build.repository, build.digest, scanned.sbom, path.parent
            )
        self.signing.evidence_signer.scanned(build, scanned, path.parent, attached)
        progress.say(
            f"  {build.image}: {scanned.verdict}{f', {scanned.reason}' if scanned.reason else ''}"
        )
        for text in advice(scanned, place, judges.today):
            progress.say_block(text, "    ")
        return scanned

    def _scan_target(self, build: BuildRecord, place: Place) -> scanning.Subject:
        catalog, before = self.catalog, self._previous_image(build.image)
        layers = manifest_of(self.registry, before).blobs()[1:] if before else ()
        return scanning.Subject(
            build=build,
            registry=self.registry.host,
            place=place,
            compiler=catalog.has_compiler(build.image),
            budget=catalog.budget_of(build.image),
            growth_percent=catalog.growth_percent,
            before=sum(layer.size for layer in layers) if before else None,
        )

    def _previous_image(self, image: str) -> Published | None:
        """Return the image of the line's newest release before; None if there is none."""
        repositories, trusted = self.catalog.repositories, self.signing.trusted
        return previous(self.registry, repositories, self.version, image, trusted)

    def _promote_images(self) -> ReleaseRecord:
        candidate = Candidate(
            catalog=self.catalog,
            version=self.version,
            builds=self.store.read_builds(),
            production=self.signing.open_production(str(self.version)),
            witness=self.signing.evidence_signer,
            trusted=self.signing.trusted,
            compare=self.difference,
            today=_today(),
        )
        promoted = promotion.promote(candidate, self.options.promotion)
        put = None if self.options.promotion.dry_run else self.store.find_promotion()
        lines = tuple(str(reason) for reason in promoted.reasons)
        return replace(
            self.store.read_release(),
            channel=promoted.channel,
            promotions=tuple(self._show_tags(promoted)),
            finished_at=put.at if put else time_now(),
            refusal=Refusal(promoted.verdict, lines) if lines else None,
        )

    def _show_tags(self, promoted: Promoted) -> Iterator[Promotion]:
        """Yield every tag as it was set, or would be; a transaction itself says what it sets."""
        repository = self.catalog.repositories.production
        for entry in promoted.outcome.entries:
            if self.options.promotion.dry_run:
                tag = f"{repository}:{entry.tag}"
                if entry.old == entry.new:
                    progress.say(f"  {tag} would stay at {entry.new}")
                elif entry.old:
                    progress.say(f"  {tag} would move from {entry.old} to {entry.new}")
                else:
                    progress.say(f"  {tag} would be created at {entry.new}")
            yield Promotion(entry.image, repository, entry.tag, entry.new)
        for line in promoted.outcome.left:
            progress.say(f"  {line}")

    @cached_property
    def _judges(self) -> Judges:
        return todays_judges(self.catalog, self.registry, self.options, self.signing.trusted)

    def _run_timed(self, stage: str, work: Callable[[], T]) -> T:
        """Run a stage within its limit, and record how long it took."""
        progress.say(f"{stage} {self.version}: {', '.join(self.store.images)}")
        started = time.monotonic()
        with time_limit(f"{stage} of {self.version}", LONGEST_S[stage]):
            done = work()
        seconds = round(time.monotonic() - started, 2)
        progress.say(f"{stage} {self.version}: {seconds} s")
        self.store.add_stage_time(stage, seconds)
        return done


def todays_judges(
    catalog: Catalog, registry: Registry, options: Options, trusted: Trusted
) -> Judges:
    """Return what images are judged with today: policy, exceptions, history and a database.

    The vulnerability database is the one that `options` name; if they name none, it is downloaded.
    """
    database = trivy.database(options.trivy_db, options.db_mirror)
    seal = documents.of_findings(attest.signer, trusted)
    return scanning.judges(registry, catalog.repositories, database, _today(), seal)


def stages_until(stage: str | None) -> Sequence[str]:
    """Return the stages of a release up to and including `stage`; all of them if it is None."""
    return STAGES[: STAGES.index(stage) + 1] if stage else STAGES


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
