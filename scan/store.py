"""What scans leave in the registry: bills of materials as referrers of the digest, and the history
of findings.

A bill of materials is found by other tools where it is: its artifact type is the media type of its
format.
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


def keep_sbom(
    registry: Registry, repository: str, digest: str, sbom: Sbom, folder: Path
) -> tuple[str, ...]:
    """Attach both documents to a digest, for other tools; return the digests of the artifacts.

    Also if others are there already, since anybody may have put those. The same documents are
    attached once.
    """
    subject = registry.manifest(repository, digest)
    if subject is None:
        raise EnvironmentFailed(
            f"{registry.host}/{repository}@{digest} is not there", "run the build stage again"
        )
    return tuple(
        referrers.attach(
            registry,
            repository,
            subject.descriptor,
            kind,
            [(kind, (folder / name).read_bytes())],
            {},
        ).digest
        for kind, name in ((CYCLONEDX, sbom.file), (SPDX, sbom.spdx))
    )


def read_history(registry: Registry, repository: str, seal: Seal, today: datetime.date) -> History:
    """Return the history of findings; an empty one if none was written yet.

    What nobody trusted signed is no history: it only says that a fix may be older than is known
    (`History.claimed`). Raises EnvironmentFailed if a signed one cannot be read.
    """
    found = document.read(registry, repository, TAG, seal, LARGEST_BYTES)
    if found is None:
        return History({})
    where = f"{registry.host}/{repository}:{TAG}"
    if not found.is_readable:
        progress.say(
            f"  the history of findings begins anew, for what is there is none: {found.problem}"
        )
        return History({})
    try:
        parse_json(found.body, LARGEST_BYTES)
        history = records.from_json(History, found.body, where)
    except (Malformed, ConfigError) as error:
        if found.problem:
            progress.say(
                f"  the history of findings begins anew: {where} is not signed, and it cannot "
                "be "
                "read"
            )
            return History({})
        problem = error.message if isinstance(error, ConfigError) else f"{where}: {error}"
        raise EnvironmentFailed(
            problem, "use the version that wrote it, or remove that tag"
        ) from None
    checked = history.checked(today)
    if found.problem:
        progress.say(
            f"  {where}: {found.problem}; its dates can shorten a grace period, and never "
            "extend "
            "one"
        )
        return checked.claims_alone()
    return checked


def keep_history(
    registry: Registry, repository: str, history: History, seal: Seal, today: datetime.date
) -> None:
    """Put the history, signed, merged with what another scanner wrote meanwhile.

    Raises RegistryError.

    It is not put if nobody would believe the signature that can be made here.

    No registry compares and swaps a tag: what is read back tells whether another writer came
    between, and then both are merged again. One that comes after the reading merges us itself.
    """
    where = f"{registry.host}/{repository}:{TAG}"
    if problem := seal.own_problem():
        progress.say(f"  {where} is not written, for nobody would believe it: {problem}")
        return
    for _ in range(ATTEMPTS):
        merged = replace(
            history.merged(read_history(registry, repository, seal, today)), claimed={}
        )
        body = records.to_json(merged).encode()
        registry.put_manifest(
            repository, TAG, document.manifest_of(registry, repository, HISTORY, body, seal)
        )
        if (
            replace(read_history(registry, repository, seal, today).merged(history), claimed={})
            == merged
        ):
            return
    raise RegistryError(
        409, f"{where}: other scanners write it again and again", "run the same command again"
    )
