"""Copies of images and their evidence to production, by digest: no tag points to them yet."""

from __future__ import annotations

from collections.abc import Sequence

from oci import referrer_copies
from oci.copying import copy_contents
from oci.registry import RegistryError
from publish.evidence.bundle_files import SERVED
from publish.tags.production import Production
from publish.tags.promotion_plan import ApprovedImage
from runner import progress
from runner.errors import EnvironmentFailed, GateRefused, ReleaseError


def copy_images(production: Production, approved: Sequence[ApprovedImage]) -> None:
    """Copy every image and its evidence from staging to production.

    Raises one error for all images that could not be copied.
    """
    failed: list[tuple[str, ReleaseError]] = []
    for each in approved:
        try:
            _copy_image(production, each)
        except ReleaseError as error:
            failed.append((each.image, error))
    if failed:
        kind = (
            GateRefused
            if any(isinstance(error, GateRefused) for _, error in failed)
            else EnvironmentFailed
        )
        raise kind(
            "; ".join(f"{image}: {error.message}" for image, error in failed), failed[0][1].hint
        )


def _copy_image(production: Production, approved: ApprovedImage) -> None:
    registry, target = production.registry, production.repositories.production
    manifest = copy_contents(registry, approved.repository, target, approved.digest)
    if approved.decision not in approved.evidence:
        where = f"{registry.host}/{approved.repository}@{approved.digest}"
        raise GateRefused(
            f"the decision {approved.decision} is not attached to {where}",
            "run `promote` again: it makes a new decision",
        )
    referrer_copies.copy_artifacts(
        registry, approved.repository, target, approved.digest, approved.evidence
    )
    _copy_superseded(production, approved)
    registry.put_manifest(target, approved.digest, manifest)


def _copy_superseded(production: Production, approved: ApprovedImage) -> None:
    """Copy the artifacts that the decision does not need, and report those that cannot be copied.

    An account that may delete in staging can damage them, and no stage makes them again. So such
    damage must not stop a promotion.
    """

    def copy(artifacts: Sequence[str]) -> str:
        try:
            referrer_copies.copy_artifacts(
                production.registry,
                approved.repository,
                production.repositories.production,
                approved.digest,
                artifacts,
            )
        except RegistryError as error:
            if error.status not in SERVED:
                raise
            return error.message
        return ""

    if not approved.superseded or not copy(approved.superseded):
        return
    problems = [problem for each in approved.superseded if (problem := copy([each]))]
    for problem in problems[:1]:
        progress.say_line(
            f"  {approved.image}: {len(problems)} superseded artifacts are not copied, because the "
            f"registry does not have all of them: {problem}"
        )
