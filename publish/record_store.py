"""The records of one release, local or from the registry.

The records of this machine are below `out`. Those of another machine are attached to the digests in
the registry.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from images.catalog import Catalog, Version
from images.plan import read_build, record_path
from images.record import BuildRecord
from oci.registry import Registry
from publish.evidence import attest
from publish.released.promotions import LastPromotion, find_last_promotion
from publish.released.published import CANDIDATE, PRODUCTION, format_own_tag
from publish.released.record import GateRefusal, ReleaseRecord, StageTime
from publish.signing_context import SigningContext
from publish.state import StageRecords, apply_refusal, judge_release
from runner import progress, records
from runner.errors import ConfigError
from runner.moments import format_now
from runner.verdict import Verdict
from scan.record import ScanRecord
from validation.metrics import render_openmetrics
from validation.record import ValidationRecord

STAGES = ("build", "validate", "scan", "promote", "report")
LOCAL = "validation-local"
"""Name of the record of suites that ran in no container: nothing is decided from it."""
UNKNOWN_REFUSAL = GateRefusal(
    Verdict.INCONCLUSIVE,
    ("it is only a candidate; the reasons are recorded on the machine that promoted it",),
)
"""The refusal of a candidate that another machine promoted.

The registry holds the decision for it, not the reasons against production.
"""

R = TypeVar("R", ValidationRecord, ScanRecord)


@dataclass(frozen=True)
class RecordStore:
    """The records of the images of a release, on one registry and below the folder `out`."""

    catalog: Catalog
    version: Version
    images: tuple[str, ...]
    registry: Registry
    out: Path
    command: str
    signing: SigningContext

    @property
    def release_path(self) -> Path:
        """out/VERSION/release.json."""
        return self.out / str(self.version) / "release.json"

    def path_of(self, image: str, stage: str) -> Path:
        """Return the path of the record of a stage on this machine."""
        return record_path(self.out, str(self.version), image, stage)

    def staging_tag(self, image: str) -> str:
        """Return the tag under which other machines find a built image in staging."""
        return format_own_tag(image, str(self.version), PRODUCTION)

    def read_builds(self) -> tuple[BuildRecord, ...]:
        """Return the build records of all images. Raises ConfigError if one was not built."""
        return tuple(self._read_build(image) for image in self.images)

    def read_known(self) -> tuple[StageRecords, ...]:
        """Return every record of every image.

        Raises ConfigError if one was not built.
        """
        return tuple(
            StageRecords(
                build,
                self._read_stage(build, "validation", ValidationRecord),
                self._read_stage(build, "scan", ScanRecord),
            )
            for build in self.read_builds()
        )

    def read_release(self) -> ReleaseRecord:
        """Return how far the release is, with the verdict of today's records.

        If this machine did not promote it, the registry says whether another did.
        """
        found = records.read_record(ReleaseRecord, self.release_path)
        own = (str(self.version), self.images)
        is_own = found is not None and (found.version, found.images) == own
        record = found if found is not None and is_own else self._begin_release()
        if record.channel in ("", CANDIDATE):
            record = self._with_promotion(record)
        return self.with_verdict(replace(record, registry=self.registry.host, command=self.command))

    def with_verdict(self, record: ReleaseRecord) -> ReleaseRecord:
        """Return a record with the verdict of today's records, and of the gate if that refused."""
        is_released = record.channel not in ("", CANDIDATE)
        judged = judge_release(self.read_known(), is_released=is_released)
        state = apply_refusal(judged, record.refusal)
        return replace(record, verdict=state.verdict, reason=state.reason, cause=state.cause)

    def find_promotion(self) -> LastPromotion | None:
        """Return the last promotion of the version by the registry; None if there is none."""
        return find_last_promotion(
            self.registry, self.catalog, self.version, lambda: self.signing.trusted
        )

    def read_own_validation(self, build: BuildRecord) -> ValidationRecord | None:
        """Return this machine's record of the suites, else one that a trusted key signed."""
        path = self.path_of(build.image, "validation")
        return records.read_record(ValidationRecord, path) or attest.read_signed_validation(
            self.registry, build, self.signing.trusted
        )

    def read_validations_by_model(self, build: BuildRecord) -> tuple[ValidationRecord, ...]:
        """Return the records of a build on each GPU model of a cluster, by the model's name."""
        paths = sorted(self.path_of(build.image, "validation").parent.glob("validation-*.json"))
        found = (
            records.read_record(ValidationRecord, path) for path in paths if path.stem != LOCAL
        )
        return tuple(each for each in found if each and each.digest == build.digest)

    def write_validation(self, image: str, record: ValidationRecord, name: str) -> None:
        """Write a record of the suites, and beside it a file for Prometheus' textfile collector."""
        path = self.path_of(image, name)
        records.write_record(path, record)
        records.write_text(path.with_suffix(".prom"), render_openmetrics(record))

    def write_release(self, record: ReleaseRecord) -> None:
        """Write the record of the release."""
        records.write_record(self.release_path, record)

    def add_stage_time(self, stage: str, seconds: float) -> None:
        """Write into the record of the release how long a stage took."""
        before = self.read_release()
        others = [time for time in before.stages if time.stage != stage]
        stages = sorted(
            [*others, StageTime(stage, seconds)], key=lambda time: STAGES.index(time.stage)
        )
        finished = before.finished_at if before.channel else format_now()
        self.write_release(replace(before, stages=tuple(stages), finished_at=finished))

    def _begin_release(self) -> ReleaseRecord:
        """Return the record of a release of which no stage has ended."""
        return ReleaseRecord(
            version=str(self.version),
            images=self.images,
            verdict=Verdict.NOT_RUN,
            reason="",
            channel="",
            registry=self.registry.host,
            promotions=(),
            stages=(),
            command=self.command,
            finished_at=format_now(),
        )

    def _with_promotion(self, record: ReleaseRecord) -> ReleaseRecord:
        """Return a record with the promotion that the registry tells of, if it is another one."""
        put = self.find_promotion()
        if put is None or put.channel == record.channel:
            return record
        return replace(
            record,
            channel=put.channel,
            promotions=tuple(each for each in put.promotions if each.image in self.images),
            finished_at=put.at,
            refusal=UNKNOWN_REFUSAL if put.channel == CANDIDATE else None,
        )

    def _read_build(self, image: str) -> BuildRecord:
        """Return this machine's record, else the one attached to the image in staging."""
        path, staging = self.path_of(image, "build"), self.catalog.repositories.staging
        record = read_build(self.out, str(self.version), image)
        if record is not None:
            return record
        hint = f"run `./release.py build {self.version}`"
        digest = self.registry.resolve_digest(staging, self.staging_tag(image))
        if digest is None:
            raise ConfigError(f"{self.version} {image} was not built", hint)
        trusted = self.signing.trusted
        record = attest.read_signed_record(
            self.registry, staging, digest, "build", BuildRecord, trusted
        )
        if record is None or (record.version, record.image) != (str(self.version), image):
            problem = f"{self.version} {image} is in staging, but no trusted key signed its record"
            raise ConfigError(problem, f"trust the key of the machine that built it, or {hint}")
        # the tag is not signed: whoever may write staging chooses among the signed builds
        progress.say_line(
            f"  {image}: not built on this machine: using the image under "
            f"{staging}:{self.staging_tag(image)} ({digest}, built {record.created_at}); its tag "
            "is not signed: if you built a newer one elsewhere, build here again"
        )
        records.write_record(path, record)
        return record

    def _read_stage(self, build: BuildRecord, stage: str, kind: type[R]) -> R | None:
        """Return this machine's record of a stage, else the newest attached to the digest."""
        found = records.read_record(kind, self.path_of(build.image, stage))
        return found or attest.read_signed_record(
            self.registry, build.repository, build.digest, stage, kind, self.signing.trusted
        )
