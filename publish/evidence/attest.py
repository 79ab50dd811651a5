"""The signed statements and records that each stage attaches to an image.

Promotion and strangers believe the statements. The next stage and the report work with the records
if `out/` has none, so the stages of a release can run on machines that share nothing but the
registry.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from images.locks import Wheel
from images.record import BuildRecord
from oci import referrers
from oci.manifest import TITLE, Descriptor
from oci.registry import Registry, RegistryError
from publish.evidence import keys, trust
from publish.evidence import store as evidence
from publish.evidence.bundle_files import SERVED
from publish.evidence.keyless import KEYLESS, KeylessSigner
from publish.evidence.keys import PrivateKey
from publish.evidence.predicates import (
    OPENVEX,
    PROVENANCE,
    SBOM,
    TEST_RESULT,
    VULNERABILITIES,
    add_artifacts,
    cyclonedx,
    list_artifacts,
    openvex,
    provenance,
    test_part,
    test_result,
    vulnerability,
)
from publish.evidence.statement import Statement
from publish.evidence.store import FoundEvidence, Signer
from publish.evidence.trust import Trusted
from runner import home, progress, records, settings
from runner.errors import ConfigError, EnvironmentFailed
from scan import vex
from scan.record import ScanRecord
from validation.record import ValidationRecord

RECORD = "application/vnd.pytorch-cuda-images.{stage}+json"
CREATED = "org.opencontainers.image.created"
LOCAL_KEY = "this-machine"

T = TypeVar("T", BuildRecord, ValidationRecord, ScanRecord)


@dataclass(frozen=True)
class EvidenceSigner:
    """Signs evidence about the images of one registry, under one image name."""

    registry: Registry
    signer: Signer
    name: str

    def attest_build(self, build: BuildRecord, wheels: Sequence[Wheel]) -> None:
        """Attach the build record and the provenance, with these wheels of the locks."""
        kept = attach_record(self.registry, build, "build", build, build.created_at)
        about = provenance.make_statement(
            build, wheels, provenance.detect_builder(os.environ), self.name
        )
        self._publish_statement(build, add_artifacts(about, [kept]))

    def attest_tests(
        self, build: BuildRecord, record: ValidationRecord, parts: Sequence[str] = ()
    ) -> None:
        """Attach the validation record and the result of every suite that the stacks require.

        `parts` are the artifacts of the statements that it was made of, if jobs ran the suites.
        """
        kept = attach_record(self.registry, build, "validation", record, record.started_at)
        about = test_result.make_statement(record, build.stacks, self.name)
        self._publish_statement(build, add_artifacts(about, [kept, *parts]))

    def attest_part(self, build: BuildRecord, record: ValidationRecord) -> None:
        """Attach the record and the result of some suites, which prove nothing by themselves."""
        kept = attach_record(self.registry, build, "validation", record, record.started_at)
        about = test_part.make_statement(record, self.name)
        self._publish_statement(build, add_artifacts(about, [kept]))

    def attest_scan(
        self, build: BuildRecord, record: ScanRecord, folder: Path, documents: Sequence[str] = ()
    ) -> None:
        """Attach the SBOM and the OpenVEX document in `folder`, the record and the result.

        `documents` are the digests of the artifacts that hold the SBOM for other tools.
        """
        if record.sbom:
            document = records.read_document(folder / record.sbom.file)
            self._publish_statement(build, cyclonedx.make_statement(record, document, self.name))
        named = [attach_record(self.registry, build, "scan", record, record.started_at), *documents]
        if (folder / vex.FILE).exists():
            document = records.read_document(folder / vex.FILE)
            excused = openvex.make_statement(document, build.digest, self.name)
            named.append(self._publish_statement(build, excused))
        self._publish_statement(
            build, add_artifacts(vulnerability.make_statement(record, self.name), named)
        )

    def attest_decision(self, build: BuildRecord, statement: Statement) -> str:
        """Attach a decision; return the digest of its manifest."""
        return self._publish_statement(build, statement)

    def _publish_statement(self, build: BuildRecord, statement: Statement) -> str:
        subject = read_subject(self.registry, build)
        return evidence.publish_statements(
            self.registry, build.repository, subject, [statement], self.signer
        )[0].digest


def read_subject(registry: Registry, build: BuildRecord) -> Descriptor:
    """Return the manifest of a build. Raises EnvironmentFailed if it is gone."""
    manifest = registry.read_manifest(build.repository, build.digest)
    if manifest is None:
        raise EnvironmentFailed(
            f"{registry.host}/{build.repository}@{build.digest} is not there",
            "run the build stage again",
        )
    return manifest.descriptor


def attach_record(
    registry: Registry, build: BuildRecord, stage: str, record: object, created: str
) -> str:
    """Attach a stage's record to the image it is about; return the digest of the artifact."""
    kind = RECORD.format(stage=stage)
    blobs = [(kind, records.to_json(record).encode())]
    subject = read_subject(registry, build)
    return referrers.attach_artifact(
        registry, build.repository, subject, kind, blobs, {CREATED: created, TITLE: f"{stage}.json"}
    ).digest


def read_signed_record(  # noqa: PLR0913, PLR0917 - where, about what, which record, and who is believed
    registry: Registry, repository: str, digest: str, stage: str, kind: type[T], trusted: Trusted
) -> T | None:
    """Return the record behind the newest statement of a stage about a digest, or None.

    A record counts only if a trusted statement of its stage names the artifact that holds it. Other
    records are not read, however many there are and whatever they say.
    """
    about = find_newest_statement(
        evidence.read_evidence(registry, repository, digest, trusted, _SAYS[stage]), _SAYS[stage]
    )
    for artifact in list_artifacts(about) if about else ():
        found = read_record_artifact(registry, repository, digest, artifact, stage, kind)
        if found is not None and found.digest == digest:
            return found
    return None


_SAYS = {"build": PROVENANCE, "validation": TEST_RESULT, "scan": VULNERABILITIES}
"""The type of the statement that vouches for the record of a stage."""


def read_record_artifact(  # noqa: PLR0913, PLR0917 - where, about what, and which record is meant
    registry: Registry, repository: str, digest: str, artifact: str, stage: str, kind: type[T]
) -> T | None:
    """Return the record in an artifact that a trusted statement names, or None.

    None is returned if the artifact is gone, or holds the record of another stage or version.
    """
    listed = referrers.find_referrer(registry, repository, digest, artifact)
    if listed is None or listed.artifact_type != RECORD.format(stage=stage):
        return None
    try:
        blobs = referrers.fetch_blobs(registry, repository, listed, records.JSON_BYTES)
        return records.from_json(kind, b"".join(blobs), f"{registry.host}/{repository}@{artifact}")
    except RegistryError as error:
        if error.status not in SERVED:
            raise
        return None
    except ConfigError:
        return None


@dataclass(frozen=True)
class CarriedArtifacts:
    """The artifacts about a build that promotion copies to production, by digest.

    `needed` are those that the decision was made from, and what they name. `superseded` are other
    statements that a trusted key signed, and what they name: without them nothing is missing.
    """

    needed: tuple[str, ...]
    superseded: tuple[str, ...]

    @property
    def every(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.needed, *self.superseded)


def list_carried_artifacts(
    registry: Registry, build: BuildRecord, trusted: Trusted, counted: Collection[str] = ()
) -> CarriedArtifacts:
    """Return the artifacts about a build that promotion copies to production.

    `counted` are the artifacts of the statements that the decision was made from.
    """
    found = evidence.read_evidence(registry, build.repository, build.digest, trusted)
    signed = [each for each in found if each.statement and not each.problem]
    used = [each for each in signed if each.artifact in counted]
    # what is counted is needed also if it was deleted meanwhile, and is listed no more
    needed = tuple(dict.fromkeys((*counted, *_list_with_named(registry, build, used))))
    # a tool takes the first OpenVEX document that it finds: an earlier one must not be there too
    earlier = {each.artifact for each in signed if each.predicate_type == OPENVEX} - {*needed}
    every = set(_list_with_named(registry, build, signed)) - earlier
    return CarriedArtifacts(needed, tuple(sorted(every - {*needed})))


def _list_with_named(
    registry: Registry, build: BuildRecord, signed: Sequence[FoundEvidence]
) -> tuple[str, ...]:
    """Return signed artifacts, and those that their statements name and that are there."""
    named = {
        artifact for each in signed if each.statement for artifact in list_artifacts(each.statement)
    }
    there = [
        each
        for each in sorted(named)
        if referrers.find_referrer(registry, build.repository, build.digest, each)
    ]
    return (*(each.artifact for each in signed), *there)


def load_signer() -> Signer:
    """Return the configured signer, else a key of this machine.

    The signer is a key, or Sigstore if `keyless` stands for one. The key of this machine is made on
    the first call, and nobody else trusts it.
    """
    if settings.ENVIRON.get(keys.SIGNING_KEY) == KEYLESS:
        return KeylessSigner(trust.load_trusted_identities())
    if settings.ENVIRON.get(keys.SIGNING_KEY):
        return keys.load_signing_key()
    folder = home.make_home_folder("keys")
    path = folder / f"{LOCAL_KEY}.key"
    with home.lock_folder(folder):  # else two first runs could each undo what the other wrote
        if not path.exists():
            # a public key whose private key is gone would block every later run
            public = path.with_suffix(".pub")
            kept = public.with_name(f"{LOCAL_KEY}-without-private-key.pub")
            with contextlib.suppress(FileNotFoundError):
                public.rename(kept)
                progress.say_line(f"  {public} has no private key any more: it is now {kept.name}")
            keys.generate_pair(folder, LOCAL_KEY)
            progress.say_line(
                "  made a key of this machine to sign evidence with; "
                f"{keys.SIGNING_KEY} names another"
            )
        key = _load_own_key(path)
        keys.write_public_half(key, path.with_suffix(".pub"))  # a run was killed between the two
    return key


def _load_own_key(path: Path) -> PrivateKey:
    """Return the key of this machine.

    Raises ConfigError that names the file to delete if it is none.
    """
    try:
        return keys.load_signing_key(str(path))
    except ConfigError as error:
        hint = (
            f"delete {path} and {path.with_suffix('.pub')}: the next run makes a new pair; or "
            f"set {keys.SIGNING_KEY}"
        )
        raise ConfigError(error.message, hint) from None


def load_trusted(public_keys: Sequence[str] = (), identities: Sequence[str] = ()) -> Trusted:
    """Return the keys and identities given or configured, else the key of this machine.

    Raises ConfigError if there is none, or if the key of this machine cannot be read.
    """
    if not (public_keys or identities or is_trust_configured()):
        public_keys = _list_own_keys()
    return trust.resolve_trusted(public_keys, identities)


def _list_own_keys() -> list[str]:
    """Return the public key of this machine; an empty list if it has no key.

    It follows from the private key. The `.pub` file counts only where that cannot be opened, as
    without its passphrase.
    """
    path = home.home_folder() / "keys" / f"{LOCAL_KEY}.key"
    public = path.with_suffix(".pub")
    if path.exists():
        try:
            return [keys.encode_public_half(_load_own_key(path))]
        except ConfigError:
            if not public.exists():
                raise
    return [str(public)] if public.exists() else []


def load_trusted_if_any() -> Trusted:
    """Return the same as `trusted`, or nobody.

    Nobody is trusted if nothing is configured and this machine has no key yet.
    """
    return load_trusted() if is_trust_configured() or _list_own_keys() else Trusted()


def is_trust_configured() -> bool:
    """Return whether keys or identities are configured."""
    return any(
        os.environ.get(each)
        for each in (keys.TRUSTED_KEYS, trust.TRUSTED_IDENTITIES, trust.DECISION_KEYS)
    )


def read_signed_sbom(
    registry: Registry, repository: str, digest: str, trusted: Trusted
) -> dict[str, Any] | None:
    """Return the newest CycloneDX document that somebody trusted signed for a digest, or None.

    The same document is there unsigned too, for tools that look for that. It does not count:
    whoever may write there can add another.
    """
    about = find_newest_statement(
        evidence.read_evidence(registry, repository, digest, trusted, SBOM), SBOM
    )
    return cyclonedx.read_sbom(about) if about else None


def read_signed_validation(
    registry: Registry, build: BuildRecord, trusted: Trusted
) -> ValidationRecord | None:
    """Return the newest signed validation of a build, which is about to be signed again."""
    return read_signed_record(
        registry, build.repository, build.digest, "validation", ValidationRecord, trusted
    )


def find_newest_statement(found: Sequence[FoundEvidence], predicate_type: str) -> Statement | None:
    """Return the newest statement of a type that somebody trusted signed, or None."""
    signed = [
        each
        for each in found
        if each.predicate_type == predicate_type and each.statement and not each.problem
    ]
    return max(signed, key=lambda each: each.created).statement if signed else None
