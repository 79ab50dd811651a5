"""Artifacts of scans in the registry: SBOMs as referrers of a digest, and the findings' history.

Other tools find an SBOM by its artifact type, which is the media type of its format.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from pathlib import Path

from oci import document, referrers
from oci.document import Seal, StoredDocument
from oci.manifest import TITLE
from oci.registry import Registry, RegistryError
from runner import progress, records
from runner.errors import ConfigError, EnvironmentFailed
from runner.nouns import count_noun
from runner.untrusted import Malformed, parse_json
from scan.history import FINDINGS_BYTES, JUDGEMENTS_BYTES, VALUES, FindingDates, History
from scan.record import Sbom

CYCLONEDX, SPDX = "application/vnd.cyclonedx+json", "application/spdx+json"
HISTORY = "application/vnd.pytorch-cuda-images.findings+json"
TAG = "findings"
ATTEMPTS = 5
WRITTEN_BYTES = FINDINGS_BYTES + JUDGEMENTS_BYTES + 1000
"""The largest history that is written. One whose signature does not count has no more either."""
MAX_BYTES = 64 << 20
"""Bytes of a history that a trusted key signed: versions before this one wrote larger ones."""
SIGNED_VALUES = 10_000_000
"""Values and keys of a history that a trusted key signed."""


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
            {TITLE: name},
        ).digest
        for kind, name in ((CYCLONEDX, sbom.file), (SPDX, sbom.spdx))
    )


@dataclass(frozen=True)
class StoredHistory:
    """The part of the history that counts, and why its refusals are not known; empty if they are.

    Whoever can remove the signature of a history can remove a refusal with it.
    """

    history: History
    problem: str = ""


def read_history(registry: Registry, repository: str, seal: Seal, today: datetime.date) -> History:
    """Return the history of findings; an empty one if none was written yet.

    A history that no trusted key signed can only make a fix older than it is known to be
    (`History.claimed`). Raises EnvironmentFailed if a signed one cannot be read.
    """
    found = read_stored(registry, repository, seal, today)
    where = f"{registry.host}/{repository}:{TAG}"
    if found.problem and found.history.claimed:
        progress.say_line(
            f"  {where}: {found.problem}; its dates can shorten a grace period and never extend it"
        )
    elif found.problem and found.problem != NONE_YET:
        progress.say_line(
            f"  a new history of findings begins: {where} cannot be read: {found.problem}"
        )
    return found.history


NONE_YET = "there is none"


def read_stored(
    registry: Registry, repository: str, seal: Seal, today: datetime.date
) -> StoredHistory:
    """Return the history as `read_history` does, and what is wrong with it. It says nothing."""
    found = document.read_signed(registry, repository, TAG, seal, MAX_BYTES, WRITTEN_BYTES)
    if found is None or not found.is_readable:
        return StoredHistory(History({}), found.problem if found else NONE_YET)
    if found.problem:
        return _read_claims(found, today)
    where = f"{registry.host}/{repository}:{TAG}"
    try:
        history = records.from_json(History, found.body, where, SIGNED_VALUES)
    except ConfigError as error:
        raise EnvironmentFailed(
            error.message, "use the version of this project that wrote it, or remove that tag"
        ) from None
    return StoredHistory(history.without_invalid_entries(today))


def _read_claims(found: StoredDocument, today: datetime.date) -> StoredHistory:
    """Return what counts of a history whose signature does not count: days of its findings.

    An entry that is none counts for nothing, and stops no other. No schema reads them: it would
    make an error for each that is wrong.
    """
    try:
        seen = parse_json(found.body, WRITTEN_BYTES, VALUES)["seen"].items()
    except (Malformed, KeyError, TypeError, AttributeError):
        return StoredHistory(History({}), f"{found.problem}, and it is not a history")
    dates = {}
    for key, entry in seen:
        match entry:
            case {"first": str(first), "fixed": None | str() as fixed}:
                dates[key] = FindingDates(first, fixed)
    claims = History(dates).without_invalid_entries(today).only_claims()
    return StoredHistory(claims, found.problem)


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
        whole = replace(
            history.merge_with(read_history(registry, repository, seal, today)), claimed={}
        )
        merged = whole.within_limits()
        _say_left_out(where, whole, merged)
        body = records.to_json(merged).encode()
        registry.put_manifest(
            repository, TAG, document.push_document(registry, repository, HISTORY, body, seal)
        )
        stored = read_history(registry, repository, seal, today).merge_with(history)
        if replace(stored, claimed={}).within_limits() == merged:
            return
    raise RegistryError(
        409, f"{where}: other scanners keep writing it", "run the same command again"
    )


def _say_left_out(where: str, whole: History, written: History) -> None:
    findings = len(whole.seen) - len(written.seen)
    results = len(whole.judgements) - len(written.judgements)
    if findings or results:
        progress.say_line(
            f"  {where}: the history is full, so it loses {count_noun(findings, 'finding')} and "
            f"{count_noun(results, 'result')} of rescans"
        )
