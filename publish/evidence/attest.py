"""Each stage says what it found of an image: signed statements on its digest, and its record for other machines.

Statements are what promotion and strangers believe; records are what the next stage and the report work with where
`out/` has none, so that the stages of a release can run on machines that share nothing but the registry.
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
from oci.registry import Registry
from publish.evidence import keys, trust
from publish.evidence import store as evidence
from publish.evidence.keyless import KEYLESS, Keyless
from publish.evidence.predicates import SBOM, TEST_RESULT, bill, provenance, test_result, vulnerability
from publish.evidence.statement import Statement, to_json
from publish.evidence.store import Found, Signer
from publish.evidence.trust import Trusted
from runner import home, progress, records
from runner.errors import EnvironmentFailed
from scan.record import ScanRecord
from validation.record import ValidationRecord

RECORD = "application/vnd.pytorch-cuda-images.{stage}+json"
CREATED = "org.opencontainers.image.created"
LOCAL_KEY = "this-machine"

T = TypeVar("T", BuildRecord, ValidationRecord, ScanRecord)


@dataclass(frozen=True)
class Witness:
    """Who signs what is found in a registry, and about images of which name."""

    registry: Registry
    signer: Signer
    name: str

    def built(self, build: BuildRecord, wheels: Sequence[Wheel]) -> None:
        """Provenance, of these wheels of the locks."""
        self._say(build, provenance.statement(build, wheels, provenance.builder_of(os.environ), self.name))
        keep(self.registry, build, "build", build, build.created_at)

    def tested(self, build: BuildRecord, record: ValidationRecord) -> None:
        """Every suite that the image's stacks require, with its verdict."""
        self._say(build, test_result.statement(record, build.stacks, self.name))
        keep(self.registry, build, "validation", record, record.started_at)

    def scanned(self, build: BuildRecord, record: ScanRecord, folder: Path) -> None:
        """The bill of materials in `folder`, and what is known against it."""
        if record.sbom:
            document = (folder / record.sbom.file).read_bytes()
            self._say(build, bill.statement(record, document, self.name))
        self._say(build, vulnerability.statement(record, self.name))
        keep(self.registry, build, "scan", record, record.started_at)

    def decided(self, build: BuildRecord, statement: Statement) -> str:
        """The digest of the decision's manifest."""
        return self._say(build, statement)

    def _say(self, build: BuildRecord, statement: Statement) -> str:
        subject = subject_of(self.registry, build)
        return evidence.publish(self.registry, build.repository, subject, [statement], self.signer)[0].digest


def subject_of(registry: Registry, build: BuildRecord) -> Descriptor:
    """The manifest of a build. Raises EnvironmentFailed where it is gone."""
    manifest = registry.manifest(build.repository, build.digest)
    if manifest is None:
        raise EnvironmentFailed(
            f"{registry.host}/{build.repository}@{build.digest} is not there", "run the build stage again"
        )
    return manifest.descriptor


def keep(registry: Registry, build: BuildRecord, stage: str, record: object, created: str) -> None:
    """Attach a stage's record to the image it is about."""
    kind = RECORD.format(stage=stage)
    blobs = [(kind, records.to_json(record).encode())]
    referrers.attach(registry, build.repository, subject_of(registry, build), kind, blobs, {CREATED: created})


def kept(registry: Registry, repository: str, digest: str, stage: str, kind: type[T]) -> T | None:
    """The newest record of a stage about a digest; None where none is attached."""
    found = referrers.referrers(registry, repository, digest, RECORD.format(stage=stage))
    if not found:
        return None
    newest = max(found, key=lambda each: (each.annotations.get(CREATED, ""), each.descriptor.digest))
    blobs, where = (
        referrers.fetch(registry, repository, newest),
        f"{registry.host}/{repository}@{newest.descriptor.digest}",
    )
    if len(blobs) != 1:
        raise EnvironmentFailed(f"{where} has {len(blobs)} files, where a record is one", "run that stage again")
    return records.from_json(kind, blobs[0], where)


def signer() -> Signer:
    """The configured key, or Sigstore where `keyless` stands for one; else a key of this machine, which nobody else
    trusts, made on the first call.
    """
    if os.environ.get(keys.SIGNING_KEY) == KEYLESS:
        return Keyless(trust.trusted_identities())
    if os.environ.get(keys.SIGNING_KEY):
        return keys.signing_key()
    folder = home.kept("keys")
    if not (folder / f"{LOCAL_KEY}.key").exists():
        keys.generate(folder, LOCAL_KEY)
        progress.say(f"  made a key of this machine to sign evidence with; {keys.SIGNING_KEY} names another")
    return keys.signing_key(str(folder / f"{LOCAL_KEY}.key"))


def trusted(public_keys: Sequence[str] = (), identities: Sequence[str] = ()) -> Trusted:
    """The public keys and identities given or configured, else the key of this machine."""
    local = home.home() / "keys" / f"{LOCAL_KEY}.pub"
    if not (public_keys or identities or is_told_whom_to_trust()) and local.exists():
        return trust.trusted([str(local)])
    return trust.trusted(public_keys, identities)


def is_told_whom_to_trust() -> bool:
    """Whether keys or identities are configured."""
    return any(os.environ.get(each) for each in (keys.TRUSTED_KEYS, trust.TRUSTED_IDENTITIES, trust.DECISION_KEYS))


def signed_bill(registry: Registry, repository: str, digest: str, trusted: Trusted) -> dict[str, Any] | None:
    """The CycloneDX document that somebody trusted signed for a digest, the newest; None where there is none.

    Beside it lies the same document unsigned, for tools that look for that; whoever may write there can add another.
    """
    about = usable(evidence.read(registry, repository, digest, trusted), SBOM)
    return bill.read(about) if about else None


def signed_validation(registry: Registry, build: BuildRecord, trusted: Trusted) -> ValidationRecord | None:
    """The newest validation attached to a build, where somebody trusted said the same: it is about to be said again."""
    record = kept(registry, build.repository, build.digest, "validation", ValidationRecord)
    about = usable(evidence.read(registry, build.repository, build.digest, trusted), TEST_RESULT) if record else None
    if record is None or about is None:
        return None
    said = test_result.statement(record, build.stacks, about.name)
    return record if to_json(said) == to_json(about) else None


def usable(found: Sequence[Found], predicate_type: str) -> Statement | None:
    """The newest statement of a type that somebody trusted signed; None where there is none."""
    signed = [each for each in found if each.predicate_type == predicate_type and each.statement and not each.problem]
    return max(signed, key=lambda each: each.created).statement if signed else None
