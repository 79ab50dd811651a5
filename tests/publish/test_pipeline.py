"""What is written down of a release: what kept it from production, and the same on every
machine.
"""

from __future__ import annotations

import datetime
import re
import shutil
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from commands import cut, released
from commands.parser import parse
from images import plan as planning
from publish import pipeline, record_store, webhook
from publish.evidence import attest, keys
from publish.pipeline import ReleaseRun, StageOptions
from publish.promotion import PromotionRequest
from publish.released.published import CANDIDATE, PRODUCTION
from publish.released.record import ReleaseRecord
from publish.tags import journal, lock, moves
from publish.tags.journal import Journal
from report import feed
from runner import records
from runner.errors import ConfigError, EnvironmentFailed, ReleaseError
from runner.verdict import Verdict
from scan import assess
from tests.fakes.trivy_db import write
from tests.publish.line import FIRST, TODAY, Line
from tests.publish.signed import H200, P256
from tests.publish.stage_records import STAGING
from tests.report.test_feed import PLACE, SECOND

UNPROVEN = "base: no tests on a GPU of a supported family (Volta, "
OPEN = PromotionRequest(kind="major", approved=True)
"""Production where the evidence allows it, else a candidate."""

Cut = Callable[..., ReleaseRun]


@pytest.fixture
def release(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cut:
    """v2.6.0 on a machine of that name, its evidence already in the registry."""
    monkeypatch.setattr(lock, "_wait_until", lambda *_: None)
    monkeypatch.setattr(pipeline, "_today", lambda: TODAY)
    private = P256.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = P256.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    monkeypatch.setenv(keys.SIGNING_KEY, private.decode())
    monkeypatch.setenv(keys.TRUSTED_KEYS, public.decode())

    def made(machine: str, asked: PromotionRequest = FIRST, version: str = "v2.6.0") -> ReleaseRun:
        out, number = tmp_path / machine, line.catalog.require_version(version)
        plan = planning.make_plan(line.catalog, number, ["base"], out)
        return ReleaseRun(
            line.catalog,
            number,
            plan,
            line.registry,
            out,
            StageOptions(promotion=asked),
            "./release.py it",
        )

    return made


def prepared(line: Line, *gpus: str, version: str = "v2.6.0") -> None:
    """All evidence of a build, which carries its version's tag in staging."""
    build = line.prepare(version, gpus=gpus)
    manifest = line.registry.read_manifest(STAGING, build.digest)
    assert manifest is not None
    line.registry.put_manifest(STAGING, version, manifest)


def ended(made: ReleaseRun, *stages: str) -> int:
    return cut._run_stages(made, stages, Namespace(json=False))


# What kept it from production


def test_a_release_that_production_refused_says_so_and_does_not_end_well(
    line: Line, release: Cut, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared(line)
    made = release("here", OPEN)
    assert ended(made, "promote", "report") == 4
    said = capsys.readouterr().err
    assert "is in the channel candidate now" in said
    assert "for production: " in said and "then `promote`" in said
    record = records.read_record(ReleaseRecord, made.record_store.release_path)
    assert record is not None
    assert (record.channel, record.verdict) == (CANDIDATE, Verdict.INCONCLUSIVE)
    assert record.refusal is not None
    assert record.refusal.reasons[0].startswith(UNPROVEN)
    assert record.reason.startswith(f"not for production: {UNPROVEN}")
    first = (made.record_store.release_path.parent / "report.md").read_text().splitlines()[0]
    assert (
        "inconclusive: not for production: base: no tests on a GPU of a supported family" in first
    )
    assert ended(release("here", OPEN), "report") == 4


def test_it_ends_by_the_gate_s_own_verdict(line: Line, release: Cut) -> None:
    """Without a person's word a major is no release, whatever its evidence; nor is what may not be
    called so.
    """
    prepared(line, H200)
    made = release("here", PromotionRequest(kind="major"))
    assert ended(made, "promote") == 4
    record = made.record_store.read_release()
    assert (record.channel, record.verdict) == (CANDIDATE, Verdict.INCONCLUSIVE)
    assert ended(release("here", PromotionRequest(kind="patch")), "promote") == 1
    assert "a major release needs the approval of a person" in record.reason


def test_a_dry_run_ends_as_the_promotion_would(line: Line, release: Cut) -> None:
    prepared(line)
    made = release("here", replace(OPEN, dry_run=True))
    assert ended(made, "promote") == 4
    assert made.record_store.read_release().channel == ""
    assert ended(release("here", replace(FIRST, dry_run=True)), "report") == 0
    assert line.tags() == {}


def test_a_dry_run_says_which_tags_would_move(
    line: Line, release: Cut, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared(line, H200)
    dry = replace(FIRST, dry_run=True)
    release("here", dry).run_promote()
    digest = line.registry.resolve_digest(STAGING, "v2.6.0")
    tag = f"{line.catalog.repositories.production}:v2.6.0"
    assert f"  {tag} would be created at {digest}\n" in capsys.readouterr().err
    release("here").run_promote()
    capsys.readouterr()
    release("here", dry).run_promote()
    said = capsys.readouterr().err
    assert "would move" not in said
    assert "would be created" not in said


def test_a_candidate_that_was_asked_for_is_what_was_asked_for(line: Line, release: Cut) -> None:
    prepared(line)
    assert ended(release("here", replace(OPEN, channel=CANDIDATE)), "promote") == 0


def test_a_release_that_is_taken_later_is_refused_no_more(line: Line, release: Cut) -> None:
    prepared(line)
    assert ended(release("here", OPEN), "promote") == 4
    prepared(line, H200)
    (made := release("here", OPEN)).record_store.release_path.with_name("base").joinpath(
        "build.json"
    ).unlink()
    assert ended(made, "promote") == 0
    record = made.record_store.read_release()
    assert (record.channel, record.verdict, record.reason, record.refusal) == (
        PRODUCTION,
        Verdict.PASS,
        "",
        None,
    )


# What changed since the previous release


@pytest.fixture
def patch(line: Line, release: Cut, tmp_path: Path) -> ReleaseRun:
    """v2.6.1 in staging, after v2.6.0 was released."""
    write(
        tmp_path / "db",
        [],
        [],
        updated_at=datetime.datetime.combine(TODAY, datetime.time(), datetime.UTC),
    )
    prepared(line, H200)
    release("here").run_promote()
    prepared(line, H200, version="v2.6.1")
    made = release("here", version="v2.6.1")
    return replace(made, options=replace(made.options, trivy_db=str(tmp_path / "db")))


def reported(made: ReleaseRun) -> str:
    ended(made, "report")
    return (made.record_store.release_path.parent / "report.md").read_text()


def test_a_report_says_what_changed(patch: ReleaseRun) -> None:
    assert "Since v2.6.0: no package changed" in reported(patch)
    assert (patch.record_store.release_path.parent / "base" / "difference.md").exists()


def test_without_a_bill_of_materials_the_report_says_that_nothing_is_known(
    patch: ReleaseRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As beside a scan that is still running. Promotion does refuse."""
    monkeypatch.setattr(attest, "read_signed_sbom", lambda *_: None)
    why = "v2.6.0 base has no SBOM that a trusted key signed"
    assert f"The changes since the previous release are not known: {why}." in reported(patch)
    assert [
        released._image_notes(patch, known).incomparable
        for known in patch.record_store.read_known()
    ] == [why]
    with pytest.raises(ReleaseError):
        patch.run_promote()


def test_where_the_scanner_fails_there_is_a_report_and_there_are_no_notes(
    patch: ReleaseRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise EnvironmentFailed("trivy ended with 1")

    monkeypatch.setattr(assess, "assess_sbom", broken)
    assert "not known: trivy ended with 1." in reported(patch)
    with pytest.raises(EnvironmentFailed):
        released._image_notes(patch, patch.record_store.read_known()[0])


# The same on every machine


def test_another_machine_says_which_build_it_takes(
    line: Line, release: Cut, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tag in staging is not signed, and may name a build that another one replaced."""
    prepared(line, H200)
    capsys.readouterr()
    (build,) = release("there").record_store.read_builds()
    said = capsys.readouterr().err
    assert "base: not built on this machine: using the image under " in said
    assert f"{build.repository}:v2.6.0 ({build.digest}" in said
    assert f"{build.digest}, built {build.created_at}" in said


def test_another_machine_tells_the_same_of_a_release(line: Line, release: Cut) -> None:
    prepared(line, H200)
    here, there = release("here"), release("there")
    assert ended(here, "promote") == 0
    told, record = there.record_store.read_release(), here.record_store.read_release()
    assert told.promotions == record.promotions != ()
    assert (told.channel, told.verdict, told.finished_at) == (
        PRODUCTION,
        Verdict.PASS,
        record.finished_at,
    )
    assert webhook.make_message(told) == webhook.make_message(record)


def test_another_machine_s_notes_are_those_of_the_release_and_keep_what_was_published(
    line: Line,
    release: Cut,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepared(line, H200)
    release("here").run_promote()
    (tmp_path / "feeds").mkdir()
    feed.write_feed(tmp_path, PLACE, [SECOND]).rename(tmp_path / "feeds" / "v2.6.1.atom")
    monkeypatch.setattr(released, "open_release", lambda asked: release("there"))
    asked = parse(["notes", "v2.6.0", "--home", PLACE.home, "--feeds", str(tmp_path / "feeds")])
    assert asked.run(asked) == 0
    assert "**Promoted to production.**" in capsys.readouterr().out
    told = (tmp_path / "there" / "releases.atom").read_text()
    assert f'href="{PLACE.home}/releases/latest/download/releases.atom"' in told
    assert re.findall("<title>(v.*)</title>", told) == [
        "v2.6.1 (Candidate only, not for production)",
        "v2.6.0",
    ]


def test_told_again_it_is_the_same_message(
    line: Line, release: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that its Idempotency-Key is."""
    prepared(line, H200)
    release("here").run_promote()
    messages = []
    for moment, machine in (
        ("2026-12-01T00:00:00+00:00", "here"),
        ("2026-12-02T00:00:00+00:00", "there"),
    ):
        for module in (pipeline, record_store):
            monkeypatch.setattr(module, "format_now", lambda moment=moment: moment)
        again = release(machine)
        again.run_promote()
        messages.append(webhook.make_message(again.record_store.read_release()))
    assert (
        messages[0]
        == messages[1]
        == webhook.make_message(release("elsewhere").record_store.read_release())
    )


def test_through_which_channel_it_went_is_in_the_signed_decision(line: Line, release: Cut) -> None:
    prepared(line, H200)
    release("here").run_promote()
    line.promote(line.prepare("v2.6.1", jinja2="3.1.5"))
    prepared(line, H200, version="v2.6.1")
    assert release("there", version="v2.6.1").record_store.read_release().channel == "monthly"


def test_a_release_that_nobody_trusted_decided_is_not_told_of(
    line: Line,
    release: Cut,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever else decided it stops nothing: what is not believed is said."""
    prepared(line, H200)
    release("here", replace(FIRST, channel=CANDIDATE)).run_promote()
    other = str(keys.generate_pair(line.folder / "keys", "other")[1])
    with monkeypatch.context() as stranger:
        stranger.setenv(keys.TRUSTED_KEYS, other)
        with pytest.raises(
            ConfigError,
            match=r"v2\.6\.0 base is in staging, but no trusted key signed",
        ):
            release("there").record_store.read_release()
        release("here").record_store.read_builds()
        shutil.copytree(line.folder / "here/v2.6.0/base", line.folder / "there/v2.6.0/base")
        assert release("there").record_store.read_release().channel == ""
    release("here").run_promote()
    monkeypatch.setenv(keys.TRUSTED_KEYS, other)
    capsys.readouterr()
    assert release("there").record_store.read_release().channel == ""
    said = capsys.readouterr().err
    assert "because it is not confirmed: the promotion of v2.6.0: no trusted decision says" in said


def test_a_promotion_that_is_half_done_is_none_yet(
    line: Line, release: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(line, H200)
    with monkeypatch.context() as killed:
        killed.setattr(moves, "_move_tag", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            release("here").run_promote()
    kept = journal.read_journal(line.registry, line.catalog.repositories.journal).journal
    assert isinstance(kept, Journal)
    assert kept.open_transaction is not None
    assert release("there").record_store.read_release().channel == ""
    assert ended(release("here"), "promote") == 0
    assert release("there").record_store.read_release().channel == PRODUCTION


def test_of_another_machine_s_candidate_nobody_knows_that_production_would_take_it(
    line: Line, release: Cut
) -> None:
    prepared(line)
    release("here", OPEN).run_promote()
    told = release("there").record_store.read_release()
    assert (told.channel, told.verdict) == (CANDIDATE, Verdict.INCONCLUSIVE)


def test_a_candidate_here_that_was_released_elsewhere_is_released(line: Line, release: Cut) -> None:
    prepared(line, H200)
    assert ended(release("here", replace(FIRST, channel=CANDIDATE)), "promote") == 0
    release("there").run_promote()
    told = release("here").record_store.read_release()
    assert (told.channel, told.verdict) == (PRODUCTION, Verdict.PASS)


def test_what_is_released_is_not_renewed(
    line: Line, release: Cut, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever runs a whole release again, as the workflow does, goes on with the bytes that are
    out.
    """
    prepared(line, H200)
    made = release("here", FIRST)
    asked = replace(made, options=replace(made.options, renew=True))
    assert asked._should_renew()
    made.run_promote()
    assert not asked._should_renew()
    assert "v2.6.0 is already released; --renew was ignored" in capsys.readouterr().err
