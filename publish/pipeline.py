"""Cutting a release: the stages in order, each from the records of the one before, each resumable
by itself.
"""

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
from images.plan import Plan, record_path
from images.record import BuildRecord
from oci.registry import Registry
from publish import promotion
from publish.compare import between
from publish.evidence import attest, documents, os_layer_signer
from publish.evidence.attest import Witness
from publish.evidence.trust import Trusted
from publish.image_assessor import Bench
from publish.promotion import Asked, Candidate, Promoted
from publish.released import decision_check
from publish.released.promotions import Put, last_put
from publish.released.published import (
    CANDIDATE,
    PRODUCTION,
    Published,
    is_out,
    manifest_of,
    previous,
    tag_of,
)
from publish.released.record import Promotion, Refusal, ReleaseRecord, StageTime
from publish.released.yank_statements import SignedMarks
from publish.state import Known, state_of, with_refusal
from publish.tags import lock
from publish.tags.transaction import Production
from runner import progress, records
from runner.errors import ConfigError
from runner.time_limit import time_limit
from runner.verdict import Verdict
from scan import run as scanning
from scan import store, trivy
from scan.advice import advice
from scan.assess import Judges, Place
from scan.difference import Difference
from scan.image_facts import KIND as BILL_OF_MATERIALS
from scan.record import ScanRecord
from validation import run as validation
from validation.expectations import expected_of
from validation.metrics import openmetrics
from validation.record import ValidationRecord
from validation.run import Subject

STAGES = ("build", "validate", "scan", "promote", "report")
LONGEST_S = {
    "build": 3 * 3600,
    "validate": 12 * 3600,
    "scan": 3 * 3600,
    "promote": 3600,
    "report": 3600,
}
"""The most a stage may take over all images.

A slow machine takes minutes; validation on a GPU with the comparison of throughput takes hours for
a family of images. What takes longer than this waits for something that never comes.
"""
LOCAL = "validation-local"
"""Name of the record of suites that ran in no container: nothing is decided from it."""
UNTOLD = Refusal(
    Verdict.INCONCLUSIVE,
    ("it is only a candidate; the reasons are recorded on the machine that promoted it",),
)
"""Of a candidate that another machine promoted: the registry holds what was decided for it, not
what against it.
"""


T = TypeVar("T")
R = TypeVar("R", ValidationRecord, ScanRecord)


@dataclass(frozen=True)
class Options:
    """How a person asked for it. `device` is auto, cuda or cpu; the database options are Trivy's.

    `renew` builds from today's Debian packages, though this version was built before.
    """

    device: str = "auto"
    trivy_db: str | None = None
    db_mirror: str | None = None
    promotion: Asked = field(default_factory=Asked)
    renew: bool = False


@dataclass(frozen=True)
class Release:
    """One release on one registry, its records under `out`."""

    catalog: Catalog
    version: Version
    plan: Plan
    registry: Registry
    out: Path
    options: Options
    command: str

    def build(self) -> tuple[BuildRecord, ...]:
        """Build what is not in staging yet."""
        return self._timed("build", self._build)

    def validate(self) -> tuple[ValidationRecord, ...]:
        """Run the suites on every digest; what was judged of late, on the same device by the same
        suites, stands.
        """
        return self._timed(
            "validate", lambda: tuple(self._validate(record) for record in self.builds())
        )

    def validate_here(self, python: str) -> tuple[ValidationRecord, ...]:
        """Run the suites of every image in an interpreter of this machine; the records prove no
        image.
        """
        return tuple(self._validate_here(planned.image, python) for planned in self.plan.images)

    def _validate_here(self, image: str, python: str) -> ValidationRecord:
        judged = validation.validate(
            self._subject(image, "", python), self.options.device, executor="local"
        )
        self._write_validation(self._path(image, LOCAL), judged)
        return judged

    def scan(self) -> tuple[ScanRecord, ...]:
        """Scan every digest."""
        return self._timed("scan", self._scan_all)

    def promote(self) -> ReleaseRecord:
        """Decide from the evidence on the digests, and put the tags the decision allows.

        The record is that of the release as it is then; of a dry run, as it would be, and nothing
        is written.
        """
        self.builds()  # before a key is made for a release that cannot be promoted
        if self.options.promotion.dry_run:
            return self._judged(self._promote())
        self._timed("promote", lambda: records.write(self.release_path, self._promote()))
        return self.release_record()

    def builds(self) -> tuple[BuildRecord, ...]:
        """The build records of this release's images.

        Raises ConfigError where one was not built.
        """
        return tuple(self._build_record(planned.image) for planned in self.plan.images)

    def known(self) -> tuple[Known, ...]:
        """Every record of every image: those of this machine, else those that another attached to
        the digest.
        """
        return tuple(
            Known(
                build,
                self._record(build, "validation", ValidationRecord),
                self._record(build, "scan", ScanRecord),
            )
            for build in self.builds()
        )

    def release_record(self) -> ReleaseRecord:
        """How far the release is.

        Where this machine did not promote it, the registry says whether another did.
        """
        found, images = records.read(ReleaseRecord, self.release_path), self._images
        record = found if found and found.images == images else self._begun()
        if record.channel in ("", CANDIDATE):
            record = self._told(record)
        return self._judged(replace(record, registry=self.registry.host, command=self.command))

    @property
    def release_path(self) -> Path:
        """out/VERSION/release.json."""
        return self.out / str(self.version) / "release.json"

    @property
    def _images(self) -> tuple[str, ...]:
        return tuple(planned.image for planned in self.plan.images)

    def _begun(self) -> ReleaseRecord:
        """The record of a release that has got nowhere."""
        return ReleaseRecord(
            version=str(self.version),
            images=self._images,
            verdict=Verdict.NOT_RUN,
            reason="",
            channel="",
            registry=self.registry.host,
            promotions=(),
            stages=(),
            command=self.command,
            finished_at=_now(),
        )

    def _told(self, record: ReleaseRecord) -> ReleaseRecord:
        """With the promotion that the registry tells of, if that is another than the record's
        own.
        """
        put = self._put()
        if put is None or put.channel == record.channel:
            return record
        return replace(
            record,
            channel=put.channel,
            promotions=tuple(each for each in put.promotions if each.image in self._images),
            finished_at=put.at,
            refusal=UNTOLD if put.channel == CANDIDATE else None,
        )

    def _put(self) -> Put | None:
        return last_put(self.registry, self.catalog, self.version, lambda: self._trusted)

    def _judged(self, record: ReleaseRecord) -> ReleaseRecord:
        """With the verdict of today's records, and of the gate where that refused."""
        state = with_refusal(state_of(self.known()), record.refusal)
        return replace(record, verdict=state.verdict, reason=state.reason)

    def _build(self) -> tuple[BuildRecord, ...]:
        """Built images carry their version's tag in staging: so other machines find what their
        stages are about.
        """
        signs = os_layer_signer.vouch_of(self.witness.signer)
        built = build.build(
            self.catalog,
            self.version,
            self.plan,
            self.registry,
            self.out,
            vouch=signs,
            renew=self._renews(),
        )
        for record, planned in zip(built, self.plan.images, strict=True):
            wheels = [
                wheel
                for layer in planned.layers
                if layer.kind in (WHEEL, POOL)
                for wheel in layer.wheels
            ]
            self.witness.built(record, wheels)
            manifest = manifest_of(self.registry, self._staged(record))
            self.registry.put_manifest(record.repository, self._staging_tag(record.image), manifest)
        return built

    def _renews(self) -> bool:
        """Whether the OS layer is made anew: if that is asked for, and the version is not
        released.
        """
        # else what is said of a registry that is down would be about one of its repositories
        self.registry.ping()
        released = is_out(self.registry, self.catalog.repositories, self.version, self._trusted)
        if self.options.renew and released:
            progress.say(
                f"  {self.version} is released, and its bytes stand: nothing of it is renewed"
            )
        return self.options.renew and not released

    def _build_record(self, image: str) -> BuildRecord:
        """This machine's record, else the one attached to what staging holds under the version's
        tag.
        """
        path, staging = self._path(image, "build"), self.catalog.repositories.staging
        record = records.read(BuildRecord, path)
        if record is not None:
            return record
        hint = f"run `./release.py build {self.version}`"
        digest = self.registry.digest_of(staging, self._staging_tag(image))
        if digest is None:
            raise ConfigError(f"{self.version} {image} was not built", hint)
        record = attest.kept(self.registry, staging, digest, "build", BuildRecord, self._trusted)
        if record is None or (record.version, record.image) != (str(self.version), image):
            problem = (
                f"{self.version} {image} is in staging, and no key that is trusted here "
                "signed its record"
            )
            raise ConfigError(problem, f"trust the key it was built with, or {hint}")
        # the tag is not signed: whoever may write staging chooses among the signed builds
        progress.say(
            f"  {image}: not built here; taken is what {staging}:{self._staging_tag(image)} names, "
            f"{digest}, built {record.created_at}. If a later build replaced it, build again"
        )
        records.write(path, record)
        return record

    def _record(self, build: BuildRecord, stage: str, kind: type[R]) -> R | None:
        """A stage's record: this machine's, else the newest attached to the digest."""
        found = records.read(kind, self._path(build.image, stage))
        return found or attest.kept(
            self.registry, build.repository, build.digest, stage, kind, self._trusted
        )

    def _staging_tag(self, image: str) -> str:
        return tag_of(image, str(self.version), PRODUCTION)

    def _staged(self, build: BuildRecord) -> Published:
        return Published(self.version, build.image, "staging", build.repository, build.digest)

    def _validate(self, record: BuildRecord) -> ValidationRecord:
        subject = self._subject(record.image, record.digest, record.reference(self.registry.host))
        path = self._path(record.image, "validation")
        before = records.read(ValidationRecord, path) or attest.signed_validation(
            self.registry, record, self._trusted
        )
        if before is not None and validation.stands(before, subject, self.options.device):
            progress.say(
                f"  {record.image}: {before.verdict}, judged {before.started_at} by the same suites"
            )
            judged = before
        else:
            judged = validation.validate(subject, self.options.device)
            self._write_validation(path, judged)
        self.witness.tested(record, judged)
        return judged

    def _subject(self, image: str, digest: str, reference: str) -> Subject:
        stacks = self.catalog.stacks_of(image)
        line = self.version.line
        return Subject(
            version=str(self.version),
            image=image,
            stacks=stacks,
            digest=digest,
            reference=reference,
            expected=expected_of(self.catalog, line, stacks),
            driver_floor=self.catalog.lines[line].driver_floor,
            previous=self._previous_reference(image) if digest else "",
        )

    @staticmethod
    def _write_validation(path: Path, judged: ValidationRecord) -> None:
        """The record, and beside it what Prometheus' textfile collector takes."""
        records.write(path, judged)
        records.write_text(path.with_suffix(".prom"), openmetrics(judged))

    def _scan_all(self) -> tuple[ScanRecord, ...]:
        builds = self.builds()
        judges = self._judges
        scanned = tuple(self._scan(record, judges) for record in builds)
        found = [judged.finding for record in scanned for judged in record.findings or ()]
        history = judges.history.with_findings(found, judges.today)
        seal = documents.of_findings(attest.signer, self._trusted)
        store.keep_history(
            self.registry, self.catalog.repositories.records, history, seal, judges.today
        )
        return scanned

    def _scan(self, build: BuildRecord, judges: Judges) -> ScanRecord:
        path = self._path(build.image, "scan")
        scanned = scanning.scan(
            self._scanned(build), judges, path.parent, records.read(ScanRecord, path)
        )
        records.write(path, scanned)
        attached: tuple[str, ...] = ()
        if scanned.sbom and not any(
            problem.kind == BILL_OF_MATERIALS for problem in scanned.problems
        ):
            attached = store.keep_sbom(
                self.registry, build.repository, build.digest, scanned.sbom, path.parent
            )
        self.witness.scanned(build, scanned, path.parent, attached)
        progress.say(
            f"  {build.image}: {scanned.verdict}{f', {scanned.reason}' if scanned.reason else ''}"
        )
        for text in advice(scanned, self._place(build), judges.today):
            progress.say_block(text, "    ")
        return scanned

    def _place(self, build: BuildRecord) -> Place:
        return Place(self.version.line, build.stacks)

    def _scanned(self, build: BuildRecord) -> scanning.Subject:
        catalog, before = self.catalog, self._previous(build.image)
        return scanning.Subject(
            build=build,
            registry=self.registry.host,
            place=self._place(build),
            compiler=catalog.has_compiler(build.image),
            budget=catalog.budget_of(build.image),
            growth_percent=catalog.growth_percent,
            before=sum(layer.size for layer in manifest_of(self.registry, before).blobs()[1:])
            if before
            else None,
        )

    def _previous(self, image: str) -> Published | None:
        return previous(
            self.registry, self.catalog.repositories, self.version, image, self._trusted
        )

    def _previous_reference(self, image: str) -> str:
        """HOST/REPOSITORY@DIGEST of the line's newest release before; empty where there is none."""
        before = self._previous(image)
        return f"{self.registry.host}/{before.repository}@{before.digest}" if before else ""

    def _promote(self) -> ReleaseRecord:
        promoted = promotion.promote(self._candidate(), self.options.promotion)
        put = None if self.options.promotion.dry_run else self._put()
        return replace(
            self.release_record(),
            channel=promoted.channel,
            promotions=tuple(self._promotions(promoted)),
            finished_at=put.at if put else _now(),
            refusal=Refusal(promoted.verdict, promoted.reasons) if promoted.reasons else None,
        )

    def _promotions(self, promoted: Promoted) -> Iterator[Promotion]:
        """Every tag as it was put, or would be; a transaction itself tells what it puts."""
        repository = self.catalog.repositories.production
        for entry in promoted.outcome.entries:
            if self.options.promotion.dry_run:
                progress.say(
                    f"  {repository}:{entry.tag} would go from {entry.old or 'nothing'} to "
                    f"{entry.new}"
                )
            yield Promotion(entry.image, repository, entry.tag, entry.new)
        for left in promoted.outcome.left:
            progress.say(f"  {left}")

    def _candidate(self) -> Candidate:
        repositories = self.catalog.repositories
        doubt = decision_check.doubt(self.registry, repositories, self._trusted)
        marks = SignedMarks(self.registry, repositories.production, self._trusted, attest.signer)
        journal = documents.of_journal(attest.signer, self._trusted)
        allowed = decision_check.allowed(self.registry, repositories, self._trusted)
        owner = lock.owner(str(self.version))
        production = Production(
            self.registry,
            repositories,
            owner,
            marks,
            journal,
            doubt,
            allowed,
            documents.of_lock(attest.signer, self._trusted),
        )
        builds, trusted = self.builds(), self._trusted
        return Candidate(
            self.catalog,
            self.version,
            builds,
            production,
            self.witness,
            trusted,
            self.difference,
            _today(),
        )

    def bill(self, build: BuildRecord) -> dict[str, Any] | None:
        """The CycloneDX document stored with an image; None where none is."""
        return attest.signed_bill(self.registry, build.repository, build.digest, self._trusted)

    def difference(self, build: BuildRecord) -> Difference | None:
        """To the line's newest release before, both judged by the database that is at hand, if one
        is.

        None where there is no release before.
        """
        before = self._previous(build.image)
        if before is None:
            return None
        bench = Bench(self.registry, self.catalog, self._trusted, self._judges)
        return between(bench, before, self._staged(build))

    @cached_property
    def _trusted(self) -> Trusted:
        """Who is believed here."""
        if not attest.is_told_whom_to_trust():
            _ = self.witness  # then the machine's own key is, which is made on its first use
        return attest.trusted()

    @cached_property
    def _judges(self) -> Judges:
        return todays_judges(self.catalog, self.registry, self.options, self._trusted)

    @cached_property
    def witness(self) -> Witness:
        """Who signs here."""
        return Witness(self.registry, attest.signer(), self.catalog.repositories.production)

    def _timed(self, stage: str, work: Callable[[], T]) -> T:
        progress.say(f"{stage} {self.version}: {', '.join(self._images)}")
        started = time.monotonic()
        with time_limit(f"{stage} of {self.version}", LONGEST_S[stage]):
            done = work()
        seconds = round(time.monotonic() - started, 2)
        progress.say(f"{stage} {self.version}: {seconds} s")
        before = self.release_record()
        others = [time for time in before.stages if time.stage != stage]
        stages = sorted(
            [*others, StageTime(stage, seconds)], key=lambda time: STAGES.index(time.stage)
        )
        finished = before.finished_at if before.channel else _now()
        records.write(
            self.release_path, replace(before, stages=tuple(stages), finished_at=finished)
        )
        return done

    def _path(self, image: str, stage: str) -> Path:
        return record_path(self.out, str(self.version), image, stage)


def todays_judges(
    catalog: Catalog, registry: Registry, options: Options, trusted: Trusted
) -> Judges:
    """Policy, exceptions and history, and the database that `options` name, downloaded where they
    name none.
    """
    database = trivy.database(options.trivy_db, options.db_mirror)
    seal = documents.of_findings(attest.signer, trusted)
    return scanning.judges(registry, catalog.repositories, database, _today(), seal)


def stages_until(stage: str | None) -> Sequence[str]:
    """The stages of a release up to and including `stage`; all of them by default."""
    return STAGES[: STAGES.index(stage) + 1] if stage else STAGES


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
