"""Artifacts of scans in the registry: SBOMs as referrers of a digest, and the findings' history.

Other tools find an SBOM by its artifact type, which is the media type of its format.
"""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

from oci import document, referrers
from oci.document import Seal
from oci.registry import Registry, RegistryError
from runner import progress, records
from runner.errors import ConfigError, EnvironmentFailed
from runner.untrusted import Malformed, parse_json
from scan.history import History
from scan.record import Sbom

CYCLONEDX, SPDX = "application/vnd.cyclonedx+json", "application/spdx+json"
HISTORY = "application/vnd.pytorch-cuda-images.findings+json"
TAG = "findings"
ATTEMPTS = 5
LARGEST_BYTES = 64 << 20
"""A finding has about 120 bytes, a judgement 250."""


def attach_sbom(
    registry: Registry, repository: str, digest: str, sbom: Sbom, folder: Path
) -> tuple[str, ...]:
    """Attach both documents to a digest for other tools, and return the digests of the artifacts.

    The same documents are attached once. Others that are attached already do not count: anybody may
    have put them there. Raises EnvironmentFailed if the digest is not in the registry.
    """
    subject = registry.read_manifest(repository, digest)
    if subject is None:
        raise EnvironmentFailed(
            f"{registry.host}/{repository}@{digest} is not in the registry",
            "run the build stage again",
        )
    return tuple(
        referrers.attach_artifact(
            registry,
            repository,
            subject.descriptor,
            kind,
            [(kind, records.read_document(folder / name))],
            {},
        ).digest
        for kind, name in ((CYCLONEDX, sbom.file), (SPDX, sbom.spdx))
    )


def read_history(registry: Registry, repository: str, seal: Seal, today: datetime.date) -> History:
    """Return the history of findings; an empty one if none was written yet.

    A history that no trusted key signed can only make a fix older than it is known to be
    (`History.claimed`). Raises EnvironmentFailed if a signed one cannot be read.
    """
    found = document.read_signed(registry, repository, TAG, seal, LARGEST_BYTES)
    if found is None:
        return History({})
    where = f"{registry.host}/{repository}:{TAG}"
    if not found.is_readable:
        progress.say_line(
            f"  a new history of findings begins: {where} cannot be read: {found.problem}"
        )
        return History({})
    try:
        parse_json(found.body, LARGEST_BYTES)
        history = records.from_json(History, found.body, where)
    except (Malformed, ConfigError) as error:
        if found.problem:
            progress.say_line(
                f"  a new history of findings begins: {where} is not signed and cannot be read"
            )
            return History({})
        problem = error.message if isinstance(error, ConfigError) else f"{where}: {error}"
        raise EnvironmentFailed(
            problem, "use the version of this project that wrote it, or remove that tag"
        ) from None
    checked = history.without_invalid_entries(today)
    if found.problem:
        progress.say_line(
            f"  {where}: {found.problem}; its dates can shorten a grace period and never extend it"
        )
        return checked.only_claims()
    return checked


def store_history(
    registry: Registry, repository: str, history: History, seal: Seal, today: datetime.date
) -> None:
    """Sign and store the history, merged with what another scanner wrote meanwhile.

    It is not stored if no key that is trusted here can sign it. No registry can replace a tag only
    if nobody else has: so the tag is read again, and both are merged again if it differs. A writer
    that comes later merges this history itself. Raises RegistryError if others keep writing.
    """
    where = f"{registry.host}/{repository}:{TAG}"
    if problem := seal.own_problem():
        progress.say_line(f"  {where} is not written, since nobody would trust it: {problem}")
        return
    for _ in range(ATTEMPTS):
        merged = replace(
            history.merge_with(read_history(registry, repository, seal, today)), claimed={}
        )
        body = records.to_json(merged).encode()
        registry.put_manifest(
            repository, TAG, document.push_document(registry, repository, HISTORY, body, seal)
        )
        if (
            replace(read_history(registry, repository, seal, today).merge_with(history), claimed={})
            == merged
        ):
            return
    raise RegistryError(
        409, f"{where}: other scanners keep writing it", "run the same command again"
    )
