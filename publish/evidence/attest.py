"""The signed statements and records that each stage attaches to an image.

Promotion and strangers believe the statements. The next stage and the report work with the records
if `out/` has none, so the stages of a release can run on machines that share nothing but the
registry.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from images.locks import Wheel
from images.record import BuildRecord
from oci import referrers
from oci.manifest import Descriptor
from oci.registry import Registry, RegistryError
from publish.evidence import keys, trust
from publish.evidence import store as evidence
from publish.evidence.keyless import KEYLESS, Keyless
from publish.evidence.predicates import (
    PROVENANCE,
    SBOM,
    TEST_RESULT,
    VULNERABILITIES,
    artifacts_of,
    cyclonedx,
    provenance,
    test_result,
    vulnerability,
    with_artifacts,
)
from publish.evidence.statement import Statement
from publish.evidence.store import SERVED, Found, Signer
from publish.evidence.trust import Trusted
from runner import home, progress, records
from runner.errors import ConfigError, EnvironmentFailed
from scan.record import ScanRecord
from validation.record import ValidationRecord

RECORD = "application/vnd.pytorch-cuda-images.{stage}+json"
CREATED = "org.opencontainers.image.created"
LOCAL_KEY = "this-machine"

T = TypeVar("T", BuildRecord, ValidationRecord, ScanRecord)


@dataclass(frozen=True)
class Witness:
    """Signs evidence about the images of one registry, under one image name."""

    registry: Registry
    signer: Signer
    name: str

    def built(self, build: BuildRecord, wheels: Sequence[Wheel]) -> None:
        """Attach the build record and the provenance, with these wheels of the locks."""
        kept = keep(self.registry, build, "build", build, build.created_at)
        about = provenance.statement(build, wheels, provenance.builder_of(os.environ), self.name)
        self._say(build, with_artifacts(about, [kept]))

    def tested(self, build: BuildRecord, record: ValidationRecord) -> None:
        """Attach the validation record and the result of every suite that the stacks require."""
        kept = keep(self.registry, build, "validation", record, record.started_at)
        self._say(
            build, with_artifacts(test_result.statement(record, build.stacks, self.name), [kept])
        )

    def scanned(
        self, build: BuildRecord, record: ScanRecord, folder: Path, documents: Sequence[str] = ()
    ) -> None:
        """Attach the SBOM in `folder`, the scan record and the vulnerability result.

        `documents` are the digests of the artifacts that hold the SBOM for other tools.
        """
        if record.sbom:
            document = (folder / record.sbom.file).read_bytes()
            self._say(build, cyclonedx.statement(record, document, self.name))
        kept = keep(self.registry, build, "scan", record, record.started_at)
        self._say(
            build, with_artifacts(vulnerability.statement(record, self.name), [kept, *documents])
        )

    def decided(self, build: BuildRecord, statement: Statement) -> str:
        """Attach a decision; return the digest of its manifest."""
        return self._say(build, statement)

    def _say(self, build: BuildRecord, statement: Statement) -> str:
        subject = subject_of(self.registry, build)
        return evidence.publish(self.registry, build.repository, subject, [statement], self.signer)[
            0
        ].digest


def subject_of(registry: Registry, build: BuildRecord) -> Descriptor:
    """Return the manifest of a build. Raises EnvironmentFailed if it is gone."""
    manifest = registry.manifest(build.repository, build.digest)
    if manifest is None:
        raise EnvironmentFailed(
            f"{registry.host}/{build.repository}@{build.digest} is not there",
            "run the build stage again",
        )
    return manifest.descriptor


def keep(registry: Registry, build: BuildRecord, stage: str, record: object, created: str) -> str:
    """Attach a stage's record to the image it is about; return the digest of the artifact."""
    kind = RECORD.format(stage=stage)
    blobs = [(kind, records.to_json(record).encode())]
    subject = subject_of(registry, build)
    return referrers.attach(
        registry, build.repository, subject, kind, blobs, {CREATED: created}
    ).digest


def kept(  # noqa: PLR0913, PLR0917 - where, about what, which record, and who is believed
    registry: Registry, repository: str, digest: str, stage: str, kind: type[T], trusted: Trusted
) -> T | None:
    """Return the record behind the newest statement of a stage about a digest, or None.

    A record counts only if a trusted statement of its stage names the artifact that holds it. Other
    records are not read, however many there are and whatever they say.
    """
    about = usable(evidence.read(registry, repository, digest, trusted, _SAYS[stage]), _SAYS[stage])
    for artifact in artifacts_of(about) if about else ():
        found = _record(registry, repository, digest, artifact, stage, kind)
        if found is not None and found.digest == digest:
            return found
    return None


_SAYS = {"build": PROVENANCE, "validation": TEST_RESULT, "scan": VULNERABILITIES}
"""The type of the statement that vouches for the record of a stage."""
LARGEST_RECORD = 64 << 20


def _record(  # noqa: PLR0913, PLR0917 - where, about what, and which record is meant
    registry: Registry, repository: str, digest: str, artifact: str, stage: str, kind: type[T]
) -> T | None:
    """Return the record in an artifact, or None.

    None is returned if the artifact is gone, or holds the record of another stage or version.
    """
    listed = referrers.referrer(registry, repository, digest, artifact)
    if listed is None or listed.artifact_type != RECORD.format(stage=stage):
        return None
    try:
        blobs = referrers.fetch(registry, repository, listed, LARGEST_RECORD)
        return records.from_json(kind, b"".join(blobs), f"{registry.host}/{repository}@{artifact}")
    except RegistryError as error:
        if error.status not in SERVED:
            raise
        return None
    except ConfigError:
        return None


def carried(registry: Registry, build: BuildRecord, trusted: Trusted) -> tuple[str, ...]:
    """Return the artifacts about a build that promotion copies to production.

    These are the statements that a trusted key signed, and the artifacts that they name.
    """
    found = evidence.read(registry, build.repository, build.digest, trusted)
    signed = [each for each in found if each.statement and not each.problem]
    named = {
        artifact for each in signed if each.statement for artifact in artifacts_of(each.statement)
    }
    there = [
        each
        for each in sorted(named)
        if referrers.referrer(registry, build.repository, build.digest, each)
    ]
    return (*(each.artifact for each in signed), *there)


def signer() -> Signer:
    """Return the configured signer, else a key of this machine.

    The signer is a key, or Sigstore if `keyless` stands for one. The key of this machine is made on
    the first call, and nobody else trusts it.
    """
    if os.environ.get(keys.SIGNING_KEY) == KEYLESS:
        return Keyless(trust.trusted_identities())
    if os.environ.get(keys.SIGNING_KEY):
        return keys.signing_key()
    folder = home.kept("keys")
    if not (folder / f"{LOCAL_KEY}.key").exists():
        keys.generate(folder, LOCAL_KEY)
        progress.say(
            f"  made a key of this machine to sign evidence with; {keys.SIGNING_KEY} names another"
        )
    return _own_key(folder / f"{LOCAL_KEY}.key")


def _own_key(path: Path) -> Signer:
    """Return the key of this machine.

    Raises ConfigError that names the file to delete if it is none.
    """
    try:
        return keys.signing_key(str(path))
    except ConfigError as error:
        hint = (
            f"delete {path} and {path.with_suffix('.pub')}: the next run makes a new pair; or "
            f"set {keys.SIGNING_KEY}"
        )
        raise ConfigError(error.message, hint) from None


def trusted(public_keys: Sequence[str] = (), identities: Sequence[str] = ()) -> Trusted:
    """Return the keys and identities given or configured, else the key of this machine."""
    local = home.home() / "keys" / f"{LOCAL_KEY}.pub"
    if not (public_keys or identities or is_told_whom_to_trust()) and local.exists():
        return trust.trusted([str(local)])
    return trust.trusted(public_keys, identities)


def trusted_if_anybody() -> Trusted:
    """Return the same as `trusted`, or nobody.

    Nobody is trusted if nothing is configured and this machine has no key yet.
    """
    local = home.home() / "keys" / f"{LOCAL_KEY}.pub"
    return trusted() if is_told_whom_to_trust() or local.exists() else Trusted()


def is_told_whom_to_trust() -> bool:
    """Return whether keys or identities are configured."""
    return any(
        os.environ.get(each)
        for each in (keys.TRUSTED_KEYS, trust.TRUSTED_IDENTITIES, trust.DECISION_KEYS)
    )


def signed_bill(
    registry: Registry, repository: str, digest: str, trusted: Trusted
) -> dict[str, Any] | None:
    """Return the newest CycloneDX document that somebody trusted signed for a digest, or None.

    The same document is there unsigned too, for tools that look for that. It does not count:
    whoever may write there can add another.
    """
    about = usable(evidence.read(registry, repository, digest, trusted, SBOM), SBOM)
    return cyclonedx.read(about) if about else None


def signed_validation(
    registry: Registry, build: BuildRecord, trusted: Trusted
) -> ValidationRecord | None:
    """Return the newest signed validation of a build, which is about to be signed again."""
    return kept(registry, build.repository, build.digest, "validation", ValidationRecord, trusted)


def usable(found: Sequence[Found], predicate_type: str) -> Statement | None:
    """Return the newest statement of a type that somebody trusted signed, or None."""
    signed = [
        each
        for each in found
        if each.predicate_type == predicate_type and each.statement and not each.problem
    ]
    return max(signed, key=lambda each: each.created).statement if signed else None
