"""The life of a line in production, its evidence signed by a test's key: release, patch, forgery,
rollback, verify.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from images.catalog import Version
from images.record import BuildRecord
from oci import referrers
from publish import rescan
from publish.evidence import store as evidence
from publish.evidence.attest import read_signed_record
from publish.evidence.keyless import KeylessSigner
from publish.evidence.predicates import DECISION
from publish.evidence.trust import SigstoreInstance, Trusted
from publish.policy import channels, schedule
from publish.promotion import PromotionRequest
from publish.released.promotions import list_releases
from publish.released.verify import verify_reference
from publish.tags import moves
from publish.tags.rollback import roll_back, yank_version
from runner.errors import ConfigError, GateRefused
from runner.moments import parse_moment
from runner.verdict import Verdict
from scan import trivy
from tests.fakes.sigstore import SIGNER, FakeSigstore
from tests.fakes.sigstore import STRANGER as SOMEBODY_ELSE
from tests.fakes.trivy_db import DebianAdvisory, PipAdvisory, write
from tests.publish.line import FIRST, MONTHLY, NOON, TODAY, Line
from tests.publish.signed import P256, STRANGER, build_record, decide, trust
from tests.publish.stage_records import staged

pytestmark = [
    pytest.mark.usefixtures("without_lock_wait"),
    pytest.mark.parametrize(
        "line", ["fake", pytest.param("real", marks=pytest.mark.docker)], indirect=True
    ),
]


def test_a_release_a_patch_a_forgery_and_the_way_back(line: Line) -> None:
    first = line.prepare("v2.6.0")
    assert line.promote(first, FIRST).channel == "production"
    before = line.tags()
    assert (
        before["v2.6"]
        == before["latest"]
        == before["v2.6.0"]
        == before["v2.6.0-base"]
        == first.digest
    )
    assert line.verify("latest").verdict is Verdict.PASS

    patch = line.prepare("v2.6.1", jinja2="3.1.5")
    line.promote(patch)
    assert line.tags()["v2.6"] == line.tags()["v2.6.1"] == patch.digest
    assert line.tags()["v2.6.0"] == first.digest
    assert line.verify("v2.6").digest == patch.digest

    forged = line.prepare("v2.6.2", signer=STRANGER)
    with pytest.raises(GateRefused, match="which is not trusted"):
        line.promote(forged)
    assert "v2.6.2" not in line.tags()

    roll_back(line.production, "v2.6", lambda _: ())
    after = line.tags()
    assert {tag: after[tag] for tag in before} == before
    assert after["v2.6.1"] == patch.digest
    found = line.verify("v2.6")
    assert (found.verdict, found.digest) == (Verdict.PASS, first.digest)
    assert len(found.lines) <= 10


@pytest.fixture
def keyless(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Line, FakeSigstore]]:
    """The line where a job of GitHub Actions signs, and keys are trusted no more."""
    with FakeSigstore() as sigstore:
        for name, value in sigstore.environment().items():
            monkeypatch.setenv(name, value)
        trusted = Trusted({}, (SIGNER,), SigstoreInstance(str(sigstore.configuration(tmp_path))))
        yield replace(line, signer=KeylessSigner(trusted), trusted=trusted), sigstore


def test_the_same_without_a_key(keyless: tuple[Line, FakeSigstore]) -> None:
    line, sigstore = keyless
    first = line.prepare("v2.6.0")
    line.promote(first, FIRST)
    patch = line.prepare("v2.6.1", jinja2="3.1.5")
    line.promote(patch)
    found = line.verify("v2.6")
    assert (found.verdict, found.digest, found.lines[-1]) == (
        Verdict.PASS,
        patch.digest,
        f"signed by: {SIGNER}",
    )
    assert [each.channel for each in list_releases(line.registry, line.catalog, line.trusted)] == [
        "production",
        "monthly",
    ]

    ours, sigstore.signer = sigstore.signer, SOMEBODY_ELSE
    believed = replace(line.trusted, identities=(SOMEBODY_ELSE,))
    forged = line.prepare("v2.6.2", signer=KeylessSigner(believed))
    with pytest.raises(GateRefused, match=f"signed by '{SOMEBODY_ELSE}', which is not trusted"):
        line.promote(forged)
    assert "v2.6.2" not in line.tags()
    by_key = line.prepare("v2.6.3", signer=P256)
    with pytest.raises(GateRefused, match="which is not trusted"):
        line.promote(by_key)

    for stranger in (believed, trust(P256)):
        found = verify_reference(line.registry, line.catalog.repositories, "v2.6", stranger)
        assert (found.verdict, found.lines[-1]) == (Verdict.FAIL, "signed by: no trusted key")
        assert list_releases(line.registry, line.catalog, stranger) == ()
    sigstore.signer = ours
    roll_back(line.production, "v2.6", lambda _: ())
    assert (line.verify("v2.6").verdict, line.verify("v2.6").digest) == (Verdict.PASS, first.digest)


def test_without_a_key_nothing_is_said_twice(keyless: tuple[Line, FakeSigstore]) -> None:
    """Neither what was found nor the decision: a stage that runs again has nothing to add."""
    line, sigstore = keyless
    build = line.prepare("v2.6.0")
    line.promote(build, FIRST)
    places = [
        (build.repository, build.digest),
        (line.catalog.repositories.production, build.digest),
    ]
    before = [referrers.list_referrers(line.registry, *place) for place in places]
    asked, tags = len(sigstore.requests), line.tags()
    line.prepare("v2.6.0")
    line.promote(build, FIRST)
    assert [referrers.list_referrers(line.registry, *place) for place in places] == before
    assert (len(sigstore.requests), line.tags()) == (asked, tags)
    assert line.verify("latest").verdict is Verdict.PASS


def test_every_tag_has_its_decision_and_the_cadence_knows_the_channel(line: Line) -> None:
    line.promote(line.prepare("v2.6.0"), FIRST)
    line.promote(line.prepare("v2.6.1", jinja2="3.1.5"))
    assert {line.verify(tag).verdict for tag in line.tags()} == {Verdict.PASS}
    out = list_releases(line.registry, line.catalog, trust(P256))
    assert [(str(each.version), each.channel) for each in out] == [
        ("v2.6.0", "production"),
        ("v2.6.1", "monthly"),
    ]
    later = datetime.date(2027, 1, 20)
    due = schedule.find_due(later, channels.load(), line.catalog.lines, out)
    assert ("monthly", "v2.6.2") in {(each.channel, each.version) for each in due}


def test_without_a_gpu_it_stays_a_candidate_and_says_so(line: Line) -> None:
    build = line.prepare("v2.6.0", gpus=())
    promoted = line.promote(build, PromotionRequest())
    assert promoted.channel == "candidate"
    assert any("the tests ran without a GPU" in str(reason) for reason in promoted.reasons)
    assert set(line.tags()) == {
        "v2.6.0-candidate",
        "v2.6.0-candidate-base",
        "v2.6-candidate",
        "v2.6-candidate-base",
    }
    assert line.verify("v2.6.0-candidate").verdict is Verdict.INCONCLUSIVE
    with pytest.raises(GateRefused, match="the tests ran without a GPU"):
        line.promote(build, FIRST)


def test_a_patch_that_moves_a_package_too_far_is_refused(line: Line) -> None:
    line.promote(line.prepare("v2.6.0"), FIRST)
    with pytest.raises(GateRefused, match="jinja2"):
        line.promote(line.prepare("v2.6.1", jinja2="4.0.0"))
    assert "v2.6.1" not in line.tags()


def test_a_release_lacks_none_of_its_images(line: Line) -> None:
    wider = replace(line, catalog=replace(line.catalog, images=("base", "cv")))
    with pytest.raises(GateRefused, match="a release must have all images; missing: cv"):
        wider.promote(wider.prepare("v2.6.0"), FIRST)


def test_what_was_rolled_back_is_no_measure_for_the_release_that_mends_it(line: Line) -> None:
    """Held against the release that its users are on again, the way back of a package is no
    downgrade.
    """
    line.promote(line.prepare("v2.6.0"), FIRST)
    line.promote(line.prepare("v2.6.1", jinja2="3.1.5"))
    roll_back(line.production, "v2.6", lambda _: ())
    out = list_releases(line.registry, line.catalog, trust(P256))
    assert [(str(each.version), each.withdrawn) for each in out] == [
        ("v2.6.0", False),
        ("v2.6.1", True),
    ]
    due = schedule.find_due(TODAY, channels.load(), line.catalog.lines, out)
    assert {each.version for each in due} <= {"v2.6.2", "v2.6.3"}
    mended = line.prepare("v2.6.2", jinja2="3.1.4")
    line.promote(mended)
    assert line.tags()["v2.6"] == mended.digest


@pytest.mark.parametrize("asked", [MONTHLY, replace(MONTHLY, channel="quarterly", kind="feature")])
def test_a_line_is_begun_by_a_persons_word(line: Line, asked: PromotionRequest) -> None:
    with pytest.raises(GateRefused, match="it must be a major one"):
        line.promote(line.prepare("v2.6.0"), asked)
    assert line.tags() == {}


def test_where_everything_before_was_withdrawn_the_newest_of_it_is_the_measure(line: Line) -> None:
    line.promote(line.prepare("v2.6.0"), FIRST)
    yank_version(line.production, "v2.6.0", "it loses data")
    with pytest.raises(GateRefused, match="jinja2"):
        line.promote(line.prepare("v2.6.1", jinja2="9.0.0"))


def test_a_patch_drops_no_image_and_adds_none(line: Line) -> None:
    line.promote(line.prepare("v2.6.0"), FIRST)
    first = line.tags()["v2.6.0"]
    manifest = line.registry.read_manifest(line.catalog.repositories.production, first)
    assert manifest is not None
    place = line.registry, line.catalog.repositories.production
    line.registry.put_manifest(line.catalog.repositories.production, "v2.6.0-cv", manifest)
    decide(*place, "v2.6.0-cv", manifest)
    with pytest.raises(
        GateRefused,
        match="cv: the image was removed; a patch release neither adds nor removes images",
    ):
        line.promote(line.prepare("v2.6.1", jinja2="3.1.5"))
    assert "v2.6.1" not in line.tags()
    line.registry.put_manifest(line.catalog.repositories.production, "v2.6.1", manifest)
    decide(*place, "v2.6.1", manifest)
    new = replace(line.prepare("v2.6.2", jinja2="3.1.5"), image="rl")
    with pytest.raises(
        GateRefused,
        match="rl: the image was added; a patch release neither adds nor removes images",
    ):
        line.promote(new)


def test_a_release_that_cannot_be_compared_is_refused_with_all_the_other_reasons(
    line: Line,
) -> None:
    line.promote(line.prepare("v2.6.0"), FIRST)
    image, manifest = staged(line.registry, f"base unscanned of {line.folder.name}")
    build = replace(build_record(manifest.digest), version="v2.6.1", repository=image.repository)
    with pytest.raises(GateRefused) as caught:
        line.promote(build)
    for words in (
        "provenance: missing",
        "test result: missing",
        "cannot be compared with the previous release",
    ):
        assert words in "\n".join(caught.value.__notes__)


def test_nothing_is_signed_that_the_tags_speak_against(line: Line) -> None:
    """A decision on a digest is believed for ever, so it is made only for what may be put."""
    line.promote(line.prepare("v2.6.0"), FIRST)
    line.promote(line.prepare("v2.6.1", jinja2="3.1.5"))
    other = line.prepare("v2.6.1", jinja2="3.1.6")
    with pytest.raises(GateRefused, match="never moves"):
        line.promote(other)
    found = evidence.read_evidence(line.registry, other.repository, other.digest, trust(P256))
    assert DECISION not in {each.predicate_type for each in found}


def test_what_was_begun_is_finished_however_old_its_evidence_is_by_now(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.promote(line.prepare("v2.6.0"), FIRST)
    patch = line.prepare("v2.6.1", jinja2="3.1.5")
    moved, move = iter(range(3)), moves._move_tag

    def killed(*given: Any) -> None:
        if next(moved, None) is None:
            raise KeyboardInterrupt
        move(*given)

    monkeypatch.setattr(moves, "_move_tag", killed)
    with pytest.raises(KeyboardInterrupt):
        line.promote(patch)
    monkeypatch.setattr(moves, "_move_tag", move)
    assert line.tags()["latest"] != patch.digest
    with pytest.raises(GateRefused, match="days old"):
        line.promote(patch, today=TODAY + datetime.timedelta(days=40))
    assert line.tags()["latest"] == line.tags()["v2.6"] == patch.digest


def test_latest_comes_back_to_an_older_line_where_the_newest_was_withdrawn(line: Line) -> None:
    lines = line.catalog.lines
    newer = replace(line, catalog=replace(line.catalog, lines={**lines, "2.9": lines["2.6"]}))
    newer.promote(newer.prepare("v2.6.0"), FIRST)
    newer.promote(newer.prepare("v2.9.0"), FIRST)
    roll_back(newer.production, "latest", lambda _: ())
    yank_version(newer.production, "v2.9.0", "it loses data")
    patch = newer.prepare("v2.6.1", jinja2="3.1.5")
    newer.promote(patch)
    assert newer.tags()["latest"] == patch.digest


def read_moments(line: Line, build: BuildRecord) -> list[datetime.datetime]:
    """When the decisions about a build were made."""
    found = evidence.read_evidence(
        line.registry, build.repository, build.digest, line.trusted, DECISION
    )
    return [parse_moment(each.created) for each in found]


def test_a_decision_has_its_moment_and_the_same_one_when_it_is_asked_again(line: Line) -> None:
    first = line.prepare("v2.6.0")
    line.promote(first, FIRST)
    noon = datetime.datetime.combine(TODAY, NOON, datetime.UTC)
    assert read_moments(line, first) == [noon]
    line.promote(first, FIRST, at=datetime.time(18))
    assert read_moments(line, first) == [noon]
    line.promote(first, FIRST, today=TODAY + datetime.timedelta(days=1))
    assert read_moments(line, first) == [noon, noon + datetime.timedelta(days=1)]


def test_a_decision_is_after_its_evidence_also_if_another_clock_is_ahead(line: Line) -> None:
    first = line.prepare("v2.6.0")
    day = datetime.date.fromisoformat(first.created_at[:10])
    line.promote(first, FIRST, today=day, at=datetime.time(0))
    found = evidence.read_evidence(line.registry, first.repository, first.digest, line.trusted)
    newest = max(parse_moment(each.created) for each in found if each.predicate_type != DECISION)
    (moment,) = read_moments(line, first)
    assert newest < moment < newest + datetime.timedelta(seconds=2)


def test_a_dry_run_shows_the_moves_and_changes_nothing(line: Line) -> None:
    build = line.prepare("v2.6.0")
    shown = line.promote(build, replace(FIRST, dry_run=True))
    assert {entry.tag for entry in shown.outcome.entries} >= {"v2.6.0", "v2.6", "latest"}
    assert line.tags() == {}


def test_a_name_that_no_decision_allows_is_not_verified(line: Line) -> None:
    build = line.prepare("v2.6.0")
    line.promote(build, FIRST)
    repository = line.catalog.repositories.production
    manifest = line.registry.read_manifest(repository, build.digest)
    assert manifest is not None
    line.registry.put_manifest(repository, "v9.9.9", manifest)
    found = line.verify("v9.9.9")
    assert (found.verdict, found.reasons[0]) == (
        Verdict.FAIL,
        "no trusted decision lets this digest carry v9.9.9",
    )
    stranger = verify_reference(line.registry, line.catalog.repositories, "v2.6.0", trust(STRANGER))
    assert stranger.verdict is Verdict.FAIL
    with pytest.raises(ConfigError, match=r"has no v2\.6\.7"):
        line.verify("v2.6.7")


def test_a_yanked_release_is_told_and_not_gone_back_to(line: Line) -> None:
    line.promote(line.prepare("v2.6.0"), FIRST)
    line.promote(line.prepare("v2.6.1", jinja2="3.1.5"))
    yank_version(line.production, "v2.6.0", "it loses data")
    found = line.verify("v2.6.0")
    assert found.verdict is Verdict.FAIL
    assert "v2.6.0 was yanked: it loses data" in found.reasons
    with pytest.raises(GateRefused, match="yanked"):
        roll_back(line.production, "v2.6", lambda _: ())


def test_a_target_that_todays_policy_refuses_is_not_gone_back_to(line: Line) -> None:
    line.promote(line.prepare("v2.6.0"), FIRST)
    line.promote(line.prepare("v2.6.1", jinja2="3.1.5"))
    before = line.tags()
    with pytest.raises(GateRefused, match="CVE-2026-1"):
        roll_back(line.production, "v2.6", lambda target: (f"{target.version}: CVE-2026-1",))
    assert line.tags() == before
    with pytest.raises(GateRefused, match="base: inconclusive, vulnerabilities not assessed"):
        roll_back(line.production, "v2.6", rescan.make_target_check(line.assessor))
    known = (
        DebianAdvisory("CVE-2026-9", "zsh", "9"),
        PipAdvisory("CVE-2026-8", "unrelated", ("< 1",), ("1",)),
    )
    write(
        line.folder / "db", known, updated_at=datetime.datetime(2026, 11, 20, tzinfo=datetime.UTC)
    )
    knowing = replace(
        line.assessor.context, database=trivy.obtain_database(str(line.folder / "db"), None)
    )
    roll_back(
        line.production, "v2.6", rescan.make_target_check(replace(line.assessor, context=knowing))
    )
    assert line.tags()["v2.6"] == before["v2.6.0"]


def test_records_travel_with_the_image(line: Line) -> None:
    build = line.prepare("v2.6.0")
    assert (
        read_signed_record(
            line.registry, build.repository, build.digest, "build", BuildRecord, line.trusted
        )
        == build
    )
    assert str(Version("2.6", 0)) == build.version
