"""Promotion: the same manifest bytes under production tags, decided from the records, read back and compared.

Layers are mounted from staging; nothing is pulled, rebuilt or pushed. All blobs and manifests of a release are in
place before its first tag moves, and an immutable tag that names another digest refuses before anything is put.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from images.catalog import BASE, Repositories, Version
from images.record import BuildRecord
from oci import referrers
from oci.manifest import Manifest
from oci.registry import Registry
from publish.record import Promotion
from runner import progress
from runner.errors import EnvironmentFailed, GateRefused
from runner.verdict import Verdict, summary, worst
from scan.record import ScanRecord
from validation.record import ValidationRecord

PRODUCTION, CANDIDATE = "production", "candidate"


@dataclass(frozen=True)
class Evidence:
    """What is known about one image of a release; a stage that did not run is None."""

    build: BuildRecord
    validation: ValidationRecord | None
    scan: ScanRecord | None


@dataclass(frozen=True)
class Decision:
    """Whether and where a release may go. `channel` is empty where it may go nowhere."""

    verdict: Verdict
    reason: str
    channel: str


def decide(images: Sequence[Evidence]) -> Decision:
    """Judge a release from its records alone: only `pass` on every image is production.

    A failed or disturbed (`infra`) image refuses the whole release; anything not proven leaves it a candidate.
    """
    judged = [judge(evidence) for evidence in images]
    verdict = summary(verdict for verdict, _ in judged)
    reason = next((reason for found, reason in judged if found is verdict and reason), "")
    if not reason:
        reason = next((reason for _, reason in judged if reason), "")
    channel = {Verdict.PASS: PRODUCTION, Verdict.INCONCLUSIVE: CANDIDATE}.get(verdict, "")
    return Decision(verdict, reason, channel)


def judge(evidence: Evidence) -> tuple[Verdict, str]:
    """The verdict on one image, and the one reason that blocks it. A record about other bytes counts as none."""
    parts = [
        _part("validation", evidence.validation, evidence.build.digest),
        _part("scan", evidence.scan, evidence.build.digest),
    ]
    found = worst(verdict for verdict, _ in parts)
    reason = next((reason for verdict, reason in parts if verdict is found), "")
    return found, f"{evidence.build.image}: {reason}" if reason else ""


def _part(stage: str, record: ValidationRecord | ScanRecord | None, digest: str) -> tuple[Verdict, str]:
    if record is None:
        return Verdict.NOT_RUN, f"no {stage} record"
    if record.digest != digest:
        return Verdict.NOT_RUN, f"the {stage} record is about {record.digest}, not {digest}"
    return record.verdict, record.reason


def tag_of(image: str, version: str, channel: str) -> str:
    """`v2.6.0-cv` in production, `v2.6.0-candidate-cv` before; the base image carries no suffix."""
    suffix = "" if image == BASE else f"-{image}"
    return f"{version}{'' if channel == PRODUCTION else '-candidate'}{suffix}"


def previous(registry: Registry, repository: str, version: Version, image: str) -> str:
    """HOST/REPOSITORY@DIGEST of the newest release of the line before `version`; empty where there is none."""
    for patch in reversed(range(version.patch)):
        tag = tag_of(image, str(Version(version.line, patch)), PRODUCTION)
        if digest := registry.digest_of(repository, tag):
            return f"{registry.host}/{repository}@{digest}"
    return ""


def previous_size(registry: Registry, repository: str, version: Version, image: str) -> int | None:
    """Compressed bytes of the newest release of the line before `version`; None where there is none."""
    digest = previous(registry, repository, version, image).rpartition("@")[2]
    manifest = registry.manifest(repository, digest) if digest else None
    return sum(layer.size for layer in manifest.blobs()[1:]) if manifest else None


def promote(
    builds: Sequence[BuildRecord], channel: str, registry: Registry, repositories: Repositories
) -> tuple[Promotion, ...]:
    """Put the tags of `channel` on the digests. Raises GateRefused, or EnvironmentFailed for the registry."""
    target = repositories.production
    planned = [
        Promotion(build.image, target, tag_of(build.image, build.version, channel), build.digest) for build in builds
    ]
    if channel == PRODUCTION:
        _refuse_moving(registry, planned)
    manifests = {build.digest: _staged(registry, build) for build in builds}
    for build in builds:
        for blob in manifests[build.digest].blobs():
            registry.ensure_blob(target, blob, build.repository)
        registry.put_manifest(target, build.digest, manifests[build.digest])
        referrers.copy(registry, build.repository, target, build.digest)
    for promotion in planned:
        _tag(registry, promotion, manifests[promotion.digest])
    return tuple(planned)


def _refuse_moving(registry: Registry, planned: Sequence[Promotion]) -> None:
    for promotion in planned:
        held = registry.digest_of(promotion.repository, promotion.tag)
        if held not in (None, promotion.digest):
            raise GateRefused(
                f"{promotion.repository}:{promotion.tag} is released as {held} and never moves",
                "release the next version",
            )


def _staged(registry: Registry, build: BuildRecord) -> Manifest:
    manifest = registry.manifest(build.repository, build.digest)
    if manifest is None:
        raise EnvironmentFailed(
            f"{registry.host}/{build.repository}@{build.digest} is not there", "run the build stage again"
        )
    return manifest


def _tag(registry: Registry, promotion: Promotion, manifest: Manifest) -> None:
    registry.put_manifest(promotion.repository, promotion.tag, manifest)
    read_back = registry.manifest(promotion.repository, promotion.tag)
    if read_back is None or read_back.body != manifest.body:
        raise EnvironmentFailed(
            f"{promotion.repository}:{promotion.tag} reads back other bytes than were put", "run promote again"
        )
    progress.say(f"  {promotion.repository}:{promotion.tag} -> {promotion.digest}")
