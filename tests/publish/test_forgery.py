"""What may be written to a registry without the right to promote moves no tag of production and
proves nothing.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from cryptography.hazmat.primitives import serialization

from images.record import BuildRecord
from oci import referrer_copies, referrers
from oci.manifest import canonical_json
from publish.evidence import attest
from publish.evidence import store as evidence
from publish.evidence.keys import PrivateKey, compute_key_id
from publish.evidence.predicates import YANK, decision, provenance
from publish.evidence.predicates.decision import DecisionClaim
from publish.evidence.statement import Statement
from publish.evidence.trust import Trusted, resolve_trusted
from publish.promotion import PromotionRequest
from publish.released.promotions import list_releases
from publish.tags import journal, lock, transaction
from publish.tags.journal import Journal, JournalEntry, Transaction
from publish.tags.rollback import roll_back, yank_version
from runner.errors import ConfigError, GateRefused
from runner.verdict import Verdict
from scan import store
from tests.publish.line import FIRST, TODAY, Line
from tests.publish.signed import BUILDER, ED25519, H200, P256, STRANGER, WHEELS, trust

CANDIDATE = PromotionRequest(channel="candidate")
BOTH = trust(P256, ED25519)


pytestmark = pytest.mark.usefixtures("without_lock_wait")


def say(
    line: Line, build: BuildRecord, key: PrivateKey, repository: str = "", **changed: object
) -> str:
    """A decision on a build, attached where it is staged or in `repository`; returns the
    artifact.
    """
    honest = DecisionClaim(
        version=build.version,
        image="base",
        channel="production",
        kind="patch",
        verdict=Verdict.PASS,
        reasons=(),
        tags=(build.version, "v2.6", "latest"),
        evidence=tuple(
            each.artifact
            for each in evidence.read_evidence(line.registry, build.repository, build.digest, BOTH)
        ),
        policy="",
        decided_on="2026-11-21T00:00:00+00:00",
    )
    about = decision.make_statement(replace(honest, **changed), build.digest, "pytorch-cuda")  # type: ignore[arg-type] # a table of fields, of any type
    subject = attest.read_subject(line.registry, build)
    return evidence.publish_statements(
        line.registry, repository or build.repository, subject, [about], key
    )[0].digest


# The journal


@pytest.mark.parametrize("version", ["v2.6.1", "v2.6.9"])
def test_a_journal_that_somebody_forged_moves_nothing(line: Line, version: str) -> None:
    line.promote(line.prepare("v2.6.0"), FIRST)
    unproven = line.prepare("v2.6.1", gpus=())
    line.promote(unproven, CANDIDATE)
    before = line.tags()
    kept = journal.read_journal(line.registry, line.catalog.repositories.journal)
    decided = kept.journal.transactions[-1].entries[0].decision
    moves = [("", version), ("v2.6", "v2.6"), ("latest", "latest")]
    entries = tuple(
        JournalEntry(tag, "base", alias, before.get(tag, ""), unproven.digest, decided)
        for alias, tag in moves
    )
    forged = kept.journal.with_transaction(
        Transaction("promotion", version, "somebody", "2026-11-21T12:00:00Z", entries)
    )
    with lock.hold_lock(line.registry, line.catalog.repositories.journal, "somebody") as claim:
        journal.write_journal(
            line.registry, line.catalog.repositories.journal, forged, kept.digest, claim
        )
    with pytest.raises(ConfigError, match="never promoted"):
        yank_version(line.production, "v2.6.7", "a slip")
    with pytest.raises(ConfigError, match="never pointed to"):
        roll_back(line.production, "v2.6", lambda _: ())
    assert line.tags() == before
    line.promote(line.prepare("v2.6.2", jinja2="3.1.5"))
    named = {tag for tag, digest in line.tags().items() if digest == unproven.digest}
    assert named == {tag for tag, digest in before.items() if digest == unproven.digest}


def begin(
    line: Line, kind: Literal["promotion", "rollback"], version: str, *entries: JournalEntry
) -> None:
    """Write a transaction into the journal as if a run had been killed behind it."""
    repository = line.catalog.repositories.journal
    kept = journal.read_journal(line.registry, repository)
    begun = Transaction(
        kind,
        version,
        "somebody",
        "2026-11-21T12:00:00Z",
        entries,
        ("v2.6.0",) * (kind == "rollback"),
    )
    with lock.hold_lock(line.registry, repository, "somebody") as claim:
        journal.write_journal(
            line.registry, repository, kept.journal.with_transaction(begun), kept.digest, claim
        )


def signed_journal(line: Line) -> Journal:
    """The journal, which somebody trusted signed."""
    stored = journal.read_journal(
        line.registry, line.catalog.repositories.journal, line.production.seal
    )
    assert stored.problem == ""
    return stored.journal


def told(kept: Journal) -> list[tuple[object, ...]]:
    """What a journal tells of tags, whoever began it and when."""
    return [
        (each.kind, each.version, {(entry.tag, entry.new) for entry in each.entries})
        for each in kept.transactions
    ]


@pytest.mark.parametrize(
    ("tag", "alias"), [("v2.6.0", ""), ("latest", "latest"), ("v2.6.0", "v2.6.0-x")]
)
def test_a_rollback_that_somebody_forged_takes_nothing_to_a_candidate(
    line: Line, tag: str, alias: str
) -> None:
    first = line.prepare("v2.6.0")
    line.promote(first, FIRST)
    unproven = line.prepare("v2.6.1", gpus=())
    line.promote(unproven, CANDIDATE)
    before = line.tags()
    kept = journal.read_journal(line.registry, line.catalog.repositories.journal).journal
    decided = kept.transactions[-1].entries[0].decision
    begin(
        line,
        "rollback",
        "v2.6.1",
        JournalEntry(tag, "base", alias, first.digest, unproven.digest, decided),
    )
    transaction.resume_interrupted(line.production)
    assert line.tags() == before
    assert told(signed_journal(line)) == told(kept)


def test_a_decision_is_not_played_again_for_what_was_yanked(line: Line) -> None:
    line.promote(line.prepare("v2.6.0"), FIRST)
    line.promote(line.prepare("v2.6.1", jinja2="3.1.5"))
    before = line.tags()
    kept = journal.read_journal(line.registry, line.catalog.repositories.journal).journal
    (old,) = [each for each in kept.transactions[0].entries if each.tag == "latest"]
    replayed = replace(old, old=before["latest"], state="planned")
    begin(line, "promotion", "v2.6.9", replayed)
    transaction.resume_interrupted(line.production)
    assert line.tags() == before
    assert told(signed_journal(line)) == told(kept)


def test_nothing_that_was_yanked_is_put_by_finishing_what_was_begun(line: Line) -> None:
    first = line.prepare("v2.6.0")
    line.promote(first, FIRST)
    line.promote(line.prepare("v2.6.1", jinja2="3.1.5"))
    yank_version(line.production, "v2.6.0", "it loses data")
    before = line.tags()
    kept = journal.read_journal(line.registry, line.catalog.repositories.journal).journal
    (old,) = [each for each in kept.transactions[0].entries if each.tag == "latest"]
    begin(line, "promotion", "v2.6.0", replace(old, old=before["latest"], state="planned"))
    transaction.resume_interrupted(line.production)
    assert line.tags() == before
    assert signed_journal(line).yank_reason("v2.6.0") == "v2.6.0 was yanked: it loses data"


@pytest.mark.parametrize("decided", ["sha256:" + "0" * 64, "by a stranger"])
def test_what_nobody_trusted_decided_is_not_finished(line: Line, decided: str) -> None:
    line.promote(line.prepare("v2.6.0"), FIRST)
    build = line.prepare("v2.6.1", jinja2="3.1.5")
    if decided == "by a stranger":
        decided = say(line, build, STRANGER)
    begun = Transaction(
        "promotion",
        "v2.6.1",
        "somebody",
        "",
        (JournalEntry("v2.6.1", "base", "", "", build.digest, decided),),
    )
    said = line.production.check_decision(begun, begun.entries[0])
    assert said.startswith(f"v2.6.1 -> {build.digest}: the decision is not attached to the image")
    if not decided.startswith("sha256:0"):
        production = line.catalog.repositories.production
        referrer_copies.copy_artifacts(
            line.registry, build.repository, production, build.digest, [decided]
        )
    said = line.production.check_decision(begun, begun.entries[0])
    assert ("not attached" if decided.startswith("sha256:0") else "not trusted") in said


# Who may decide


def deciding(line: Line, *keys: PrivateKey) -> Line:
    """Both keys are trusted, and of them these to decide."""
    deciders = frozenset(compute_key_id(key.public_key()) for key in keys)
    return replace(line, trusted=replace(BOTH, deciders=deciders))


def test_a_key_of_evidence_signs_no_decision(line: Line) -> None:
    """Builds, tests and scans hold that key, and so does whoever got into one of their jobs."""
    strict = deciding(line, P256)
    build = strict.prepare("v2.6.0", gpus=(), signer=ED25519)
    say(strict, build, ED25519, tags=("v2.6.0-candidate", "latest"))
    strict.promote(build, CANDIDATE)
    production = strict.catalog.repositories.production
    held = evidence.read_evidence(line.registry, production, build.digest, strict.trusted)
    assert not any(each.problem for each in held), "it was not copied"
    counted = tuple(each.artifact for each in held)
    say(strict, build, ED25519, production, tags=("v2.6.0-candidate", "latest"), evidence=counted)
    assert replace(line, trusted=BOTH).verify("v2.6.0-candidate").verdict is Verdict.PASS, (
        "the forgery is a good one"
    )
    found = strict.verify("v2.6.0-candidate")
    assert (found.verdict, found.reasons) == (Verdict.INCONCLUSIVE, ())
    held = evidence.read_evidence(
        strict.registry, strict.catalog.repositories.production, build.digest, strict.trusted
    )
    assert [each.problem for each in held if each.problem] == [
        f"signed by {compute_key_id(ED25519.public_key())}, which is not trusted to decide"
    ]


def test_who_decides_is_configured_and_trusted_for_all_else_too() -> None:
    pem = {name: attest_pem(key) for name, key in (("evidence", P256), ("decisions", ED25519))}
    known = resolve_trusted(
        environ={
            "PYTORCH_CUDA_IMAGES_TRUSTED_KEYS": pem["evidence"],
            "PYTORCH_CUDA_IMAGES_DECISION_KEYS": pem["decisions"],
        }
    )
    assert set(known.keys) == {
        compute_key_id(P256.public_key()),
        compute_key_id(ED25519.public_key()),
    }
    assert known.may_decide(compute_key_id(ED25519.public_key()))
    assert not known.may_decide(compute_key_id(P256.public_key()))
    every = resolve_trusted(environ={"PYTORCH_CUDA_IMAGES_TRUSTED_KEYS": pem["evidence"]})
    assert every.may_decide(compute_key_id(P256.public_key()))


def attest_pem(key: PrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        pytest.param({"verdict": Verdict.FAIL}, "the decision is `fail`", id="it says no"),
        pytest.param(
            {"evidence": ()}, "made without this kind of evidence: provenance", id="from nothing"
        ),
        pytest.param(
            {"evidence": ("sha256:" + "0" * 64,)},
            "1 of the 1 statement that",
            id="from what is gone",
        ),
        pytest.param(
            {"image": "cv"},
            "about v2.6.0 cv, but the image was built as v2.6.0 base",
            id="of another image",
        ),
        pytest.param(
            {"version": "v2.6.7"}, "the decision is about v2.6.7 base", id="of another version"
        ),
        pytest.param({"channel": "nightly"}, "", id="for a channel that nobody knows"),
    ],
)
def test_a_decision_that_proves_nothing(line: Line, changed: dict[str, object], words: str) -> None:
    build = line.prepare("v2.6.0", gpus=())
    say(
        line,
        build,
        P256,
        "",
        tags=("v2.6.0-candidate",),
        decided_on="2026-11-22T00:00:00+00:00",
        **changed,
    )
    line.promote(build, CANDIDATE)
    found = line.verify("v2.6.0-candidate")
    assert found.verdict is (Verdict.FAIL if words else Verdict.INCONCLUSIVE)
    assert any(words in reason for reason in found.reasons) == bool(words)


def test_a_candidate_of_what_is_released_takes_nothing_back(line: Line) -> None:
    build = line.prepare("v2.6.0")
    line.promote(build, FIRST)
    line.promote(build, CANDIDATE, today=TODAY + datetime.timedelta(days=1))
    assert line.verify(build.digest).verdict is Verdict.PASS


def test_who_decides_is_enough_to_be_told_whom_to_trust(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.delenv("PYTORCH_CUDA_IMAGES_TRUSTED_KEYS", raising=False)
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_DECISION_KEYS", attest_pem(P256))
    assert set(attest.load_trusted().keys) == {compute_key_id(P256.public_key())}
    named = resolve_trusted([attest_pem(ED25519)])
    assert named.may_decide(compute_key_id(ED25519.public_key())), (
        "who names a key says who decides as well"
    )


@pytest.mark.parametrize("created", ["2099-01-01T00:00:00Z", "", "soon"])
def test_records_that_nobody_vouches_for_are_not_looked_at(line: Line, created: str) -> None:
    build = line.prepare("v2.6.0")
    subject = attest.read_subject(line.registry, build)
    for stage in ("build", "validation", "scan"):
        kind = attest.RECORD.format(stage=stage)
        for data in ([], [(kind, b"{}")], [(kind, b"["), (kind, b"null")]):
            referrers.attach_artifact(
                line.registry, build.repository, subject, kind, data, {attest.CREATED: created}
            )
    place = (line.registry, build.repository, build.digest)
    assert attest.read_signed_record(*place, "build", BuildRecord, line.trusted) == build
    assert attest.read_signed_record(*place, "build", BuildRecord, trust(STRANGER)) is None


def test_what_is_half_done_is_not_out_yet(line: Line) -> None:
    line.promote(line.prepare("v2.6.0"), FIRST)
    build = line.prepare("v2.6.1", jinja2="3.1.5")
    decided = say(line, build, P256)
    begin(
        line, "promotion", "v2.6.1", JournalEntry("v2.6.1", "base", "", "", build.digest, decided)
    )
    assert [
        str(each.version) for each in list_releases(line.registry, line.catalog, line.trusted)
    ] == ["v2.6.0"]


def test_what_is_staged_is_no_release(line: Line) -> None:
    build = line.prepare("v2.6.0")
    say(line, build, P256)
    found = line.verify(f"{build.repository}@{build.digest}")
    assert found.verdict is Verdict.FAIL
    assert "staging is not the repository of releases" in found.reasons[0]


def test_due_says_what_it_cannot_believe(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    """Whom one does not trust may have written anything: it stops nothing."""
    line.promote(line.prepare("v2.6.0"), FIRST)
    assert len(list_releases(line.registry, line.catalog, line.trusted)) == 1
    assert list_releases(line.registry, line.catalog, trust(STRANGER)) == ()
    said = capsys.readouterr().err
    assert "no trusted key signed the journal" in said
    assert "because it is not confirmed: the promotion of v2.6.0: no trusted decision says" in said


# Bills of materials


def test_a_bill_that_nobody_signed_changes_no_comparison(line: Line) -> None:
    """With the packages that would make it a patch: before the scan, and after."""
    line.promote(line.prepare("v2.6.0"), FIRST)
    build = line.prepare("v2.6.1", jinja2="4.0.0")
    manifest = line.registry.read_manifest(build.repository, build.digest)
    assert manifest is not None
    document = attest.read_signed_sbom(line.registry, build.repository, build.digest, line.trusted)
    honest = json.dumps(document).replace("4.0.0", "3.1.5")
    for padding in range(8):
        forged = canonical_json(json.loads(honest) | {"padding": padding})
        referrers.attach_artifact(
            line.registry,
            build.repository,
            manifest.descriptor,
            store.CYCLONEDX,
            [(store.CYCLONEDX, forged)],
            {},
        )
    with pytest.raises(GateRefused, match=r"jinja2 3\.1\.4 -> 4\.0\.0"):
        line.promote(build)


# Records


def test_a_validation_that_nobody_signed_is_not_signed_for_its_author(line: Line) -> None:
    """A stage takes another machine's record for its own work, and would put its name to it."""
    build = line.prepare("v2.6.0", gpus=())
    honest = attest.read_signed_validation(line.registry, build, line.trusted)
    assert honest is not None
    assert honest.environment.gpus == ()
    planted = replace(honest, environment=replace(honest.environment, device="cuda", gpus=(H200,)))
    attest.attach_record(line.registry, build, "validation", planted, "2026-11-21T00:00:00+00:00")
    assert attest.read_signed_validation(line.registry, build, line.trusted) == honest, (
        "the forged one stops nothing either"
    )
    assert attest.read_signed_validation(line.registry, build, trust(STRANGER)) is None


# Where tags are


def test_an_alias_that_somebody_moved_is_not_verified(line: Line) -> None:
    first = line.prepare("v2.6.0")
    line.promote(first, FIRST)
    line.promote(line.prepare("v2.6.1", jinja2="3.1.5"))
    repository = line.catalog.repositories.production
    manifest = line.registry.read_manifest(repository, first.digest)
    assert manifest is not None
    line.registry.put_manifest(repository, "latest", manifest)
    found = line.verify("latest")
    assert found.verdict is Verdict.FAIL
    assert "the journal says that latest should point to" in found.reasons[0]
    assert line.verify("v2.6.0").verdict is Verdict.PASS


def test_a_yank_outlives_the_journal(line: Line) -> None:
    first = line.prepare("v2.6.0")
    line.promote(first, FIRST)
    yank_version(line.production, "v2.6.0", "it loses data")
    repository = line.catalog.repositories.journal
    with lock.hold_lock(line.registry, repository, "somebody") as claim:
        journal.write_journal(
            line.registry,
            repository,
            Journal(),
            journal.read_journal(line.registry, repository).digest,
            claim,
        )
    assert line.verify("v2.6.0").reasons == ("v2.6.0 was yanked: it loses data",)
    with pytest.raises(GateRefused, match="was yanked: it loses data"):
        line.promote(first, FIRST)


def mark(line: Line, build: BuildRecord, repository: str, key: PrivateKey, **said: object) -> None:
    """A mark on a build, signed by that key."""
    subject = attest.read_subject(line.registry, build)
    about = Statement(build.digest, "", YANK, {"version": "v9.9.9", "reason": "forged", **said})
    evidence.publish_statements(line.registry, repository, subject, [about], key)


OLD_MARK = "application/vnd.pytorch-cuda-images.yank.v1+json"


@pytest.mark.parametrize("where", ["staging", "production"])
def test_a_mark_that_nobody_trusted_signed_stops_nothing_and_is_copied_nowhere(
    line: Line, where: str
) -> None:
    build, production = line.prepare("v2.6.0"), line.catalog.repositories.production
    repository = build.repository if where == "staging" else production
    subject, said = (
        attest.read_subject(line.registry, build),
        canonical_json({"version": "v9.9.9", "reason": "forged"}),
    )
    if where == "production":
        line.promote(build, FIRST)
    mark(line, build, repository, STRANGER)
    referrers.attach_artifact(line.registry, repository, subject, OLD_MARK, [(OLD_MARK, said)], {})
    line.promote(build, FIRST)
    assert line.verify("v2.6.0").verdict is Verdict.PASS
    if where == "staging":
        types = {
            each.artifact_type
            for each in referrers.list_referrers(line.registry, production, build.digest)
        }
        assert OLD_MARK not in types
        found = evidence.read_evidence(line.registry, production, build.digest, line.trusted)
        assert not any(each.problem or each.predicate_type == YANK for each in found)


def test_a_key_of_evidence_makes_no_mark(line: Line) -> None:
    strict = deciding(line, P256)
    build = strict.prepare("v2.6.0", signer=ED25519)
    strict.promote(build, FIRST)
    mark(strict, build, strict.catalog.repositories.production, ED25519)
    assert strict.verify("v2.6.0").verdict is Verdict.PASS
    with pytest.raises(ConfigError, match="not trusted to decide"):
        yank_version(replace(strict, signer=ED25519).production, "v2.6.0", "a slip")


def test_a_signed_mark_that_says_nothing_readable_is_one_too(line: Line) -> None:
    build = line.prepare("v2.6.0")
    mark(line, build, build.repository, P256, reason=None)
    with pytest.raises(GateRefused, match="it was yanked"):
        line.promote(build, FIRST)
        line.promote(build, FIRST)


@pytest.mark.parametrize(
    "form",
    [
        "{tag}",
        "{repository}:{tag}",
        "{host}/{repository}:{tag}",
        "{repository}:{tag}@{digest}",
        "@{digest}",
        "{digest}",
        "{repository}@{digest}",
        "{host}/{repository}:{tag}@{digest}",
    ],
)
def test_every_way_to_name_an_image(line: Line, form: str) -> None:
    build = line.prepare("v2.6.0")
    line.promote(build, FIRST)
    names = {"host": line.registry.host, "repository": line.catalog.repositories.production}
    found = line.verify(form.format(tag="v2.6.0-base", digest=build.digest, **names))
    assert (found.verdict, found.digest) == (Verdict.PASS, build.digest)


def test_a_tag_that_holds_another_digest_than_was_named(line: Line) -> None:
    first, second = line.prepare("v2.6.0"), line.prepare("v2.6.1", jinja2="3.1.5")
    line.promote(first, FIRST)
    line.promote(second)
    found = line.verify(f"{line.catalog.repositories.production}:v2.6@{first.digest}")
    assert found.verdict is Verdict.FAIL
    assert f"v2.6 points to {second.digest}, not to {first.digest}" in found.reasons


@pytest.mark.parametrize("reference", ["", "a b", "x@sha256:12", "@", "host:5000/x:tag:tag"])
def test_what_is_no_reference(line: Line, reference: str) -> None:
    with pytest.raises(ConfigError, match="is not a reference"):
        line.verify(reference)


# The layers


def test_layers_that_provenance_does_not_name_are_not_verified(line: Line) -> None:
    """Whoever signs says what the image is made of; an honest signer cannot say it of other
    layers.
    """
    build = line.prepare("v2.6.0")
    other = replace(build.layers[0], digest="sha256:" + "f" * 64)
    later = "2026-11-20T11:00:00+00:00"
    said = replace(build, layers=(other,), created_at=later, debian_taken_at=later)
    line.promote(build, FIRST)
    assert line.verify("v2.6.0").verdict is Verdict.PASS
    about = provenance.make_statement(said, WHEELS, BUILDER, "pytorch-cuda")
    subject = attest.read_subject(line.registry, build)
    production = line.catalog.repositories.production
    evidence.publish_statements(line.registry, production, subject, [about], P256)
    found = line.verify("v2.6.0")
    assert found.verdict is Verdict.FAIL
    assert any("its provenance names sha256:ffffffff" in each for each in found.reasons)


def test_verify_says_which_layers_are_locked(line: Line) -> None:
    line.promote(line.prepare("v2.6.0"), FIRST)
    (said,) = [each for each in line.verify("v2.6.0").lines if each.startswith("layers: ")]
    assert said == "layers: 0 of 1 match the digests committed in git; not compared: wheel"


def test_nobody_need_be_trusted_to_take_locks_forward(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job that does it has no keys; the history of findings then counts for nothing."""
    for name in ("TRUSTED_KEYS", "DECISION_KEYS", "TRUSTED_IDENTITIES"):
        monkeypatch.delenv(f"PYTORCH_CUDA_IMAGES_{name}", raising=False)
    assert attest.load_trusted_if_any() == Trusted()
    attest.load_signer()
    assert len(attest.load_trusted_if_any().keys) == 1
