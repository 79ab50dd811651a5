"""A line that cannot fix an advisory, or has ended: promoted, verified, and judged at night."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest

from images.support import SupportPhase, SupportStatus
from publish.image_assessor import ImageAssessor
from publish.policy import channels
from publish.policy.schedule import find_due
from publish.promotion import PromotionRequest
from publish.released.promotions import list_releases
from publish.released.published import PRODUCTION
from publish.released.verify import CatalogLines, VerifyResult, verify_reference
from publish.rescan import rescan_images
from runner.errors import GateRefused
from runner.verdict import Verdict
from scan import store, trivy
from scan.assess import AssessmentContext
from scan.history import History
from scan.policy import load_line_exceptions, load_policy
from scan.record import Finding, TriagedFinding, TriageStatus
from tests.fakes.trivy_db import DebianAdvisory, PipAdvisory, Vulnerability, write
from tests.publish.line import FIRST, OURS, Line
from tests.publish.signed import P256, findings_seal
from tests.scan.samples import CANARIES

TODAY = datetime.date(2026, 11, 27)
WEIGHTS = Finding(
    "CVE-2026-24747",
    "pkg:pypi/torch@2.6.0%2Bcu124",
    "torch",
    "2.6.0+cu124",
    "2.10.0",
    "HIGH",
    "loading of weights",
    "2026-01-27",
)
WHY = "another line has the fix; mitigation: use safetensors (us)"
EXCUSED = TriagedFinding(WEIGHTS, TriageStatus.EXCUSED, "2027-05-26", WHY, "2027-05-26")
BLOCKS = TriagedFinding(WEIGHTS, TriageStatus.BLOCKS, "2026-02-24", "fixed", "2026-11-20")
SENTENCE = "2.6 cannot be fixed inside the line: CVE-2026-24747, fixed in 2.10.0; move to 2.15"
ANY = PromotionRequest(kind="major", approved=True)


pytestmark = [
    pytest.mark.usefixtures("without_lock_wait"),
    pytest.mark.parametrize(
        "line", ["fake", pytest.param("real", marks=pytest.mark.docker)], indirect=True
    ),
]


def ending(line: Line, day: datetime.date) -> Line:
    """The same registry, and a catalogue in which line 2.6 ends on that day."""
    phases = (
        SupportPhase(SupportStatus.ACTIVE, datetime.date(2025, 1, 29), "it is new"),
        SupportPhase(SupportStatus.ENDED, day, "nobody uses it"),
    )
    known = line.catalog
    lines = {**known.lines, "2.6": replace(known.lines["2.6"], support=phases)}
    return replace(line, catalog=replace(known, lines=lines))


def verified(line: Line, reference: str, day: datetime.date = TODAY) -> VerifyResult:
    return verify_reference(
        line.registry,
        line.catalog.repositories,
        reference,
        line.trusted,
        known=CatalogLines(line.catalog.lines, day),
    )


def test_an_exception_takes_it_to_production_and_is_among_the_first_things_said(
    line: Line,
) -> None:
    line.promote(line.prepare("v2.6.0", findings=[EXCUSED]), FIRST)
    assert "v2.6.0" in line.tags()
    found = verified(line, "v2.6.0")
    assert found.verdict is Verdict.PASS
    assert found.lines[2:5] == (
        f"exception until 2027-05-26: CVE-2026-24747 in torch 2.6.0+cu124: {WHY}",
        f"warning: {SENTENCE} (there is an exception until 2027-05-26)",
        "line 2.6: security since 2026-07-01: upstream no longer fixes torch 2.6, and other "
        "vendors ended it on 2026-06-30; we patch all but torch (last day: 2027-06-30)",
    )


def test_when_the_exception_has_ended_the_tags_stay_and_verify_warns(line: Line) -> None:
    line.promote(line.prepare("v2.6.0", findings=[EXCUSED]), FIRST)
    found = verified(line, "v2.6.0", datetime.date(2027, 5, 27))
    assert found.verdict is Verdict.PASS
    assert found.lines[2] == (
        "warning: the exception for CVE-2026-24747 in torch 2.6.0+cu124 ended on 2027-05-26"
    )
    assert found.lines[3].startswith(f"warning: {SENTENCE} (its exception ended on 2027-05-26;")


def test_without_one_it_stops_at_candidate_with_the_reason(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    build = line.prepare("v2.6.0", findings=[BLOCKS])
    done = line.promote(build, ANY)
    assert (done.channel, done.verdict) == ("candidate", Verdict.FAIL)
    (reason,) = map(str, done.reasons)
    assert reason == (
        f"base: vulnerability result: {SENTENCE} (its exception ended on 2026-11-20; "
        "without an exception it stays a candidate)"
    )
    assert set(line.tags()) >= {"v2.6.0-candidate"}
    assert "v2.6.0" not in line.tags()
    assert any(SENTENCE in each for each in verified(line, "v2.6.0-candidate").lines[:4])


def test_a_channel_that_was_asked_for_refuses_it_and_says_the_way_out(line: Line) -> None:
    build = line.prepare("v2.6.0", findings=[BLOCKS])
    with pytest.raises(GateRefused, match="add a reviewed entry to `line_exceptions`") as refused:
        line.promote(build, FIRST)
    assert SENTENCE in str(refused.value.__notes__)
    assert line.tags() == {}


def test_of_a_line_that_ended_nothing_is_promoted_and_what_is_out_stays(line: Line) -> None:
    line.promote(line.prepare("v2.6.0"), FIRST)
    ended = ending(line, TODAY)
    before = line.tags()
    with pytest.raises(GateRefused, match="to the channel candidate either") as refused:
        ended.promote(ended.prepare("v2.6.1"), PromotionRequest(kind="patch"), TODAY)
    assert "line 2.6 has ended, so nothing of it is promoted" in str(refused.value.__notes__)
    assert line.tags() == before
    found = verified(ended, "v2.6.0")
    assert found.verdict is Verdict.PASS
    assert found.lines[2] == (
        "warning: nothing of this line is patched any more; line 2.6: ended since 2026-11-27: "
        "nobody uses it"
    )
    assert "warning" not in " ".join(verified(ended, "v2.6.0", TODAY - datetime.timedelta(1)).lines)


def test_a_line_that_the_catalogue_no_longer_has_is_a_warning(line: Line) -> None:
    line.promote(line.prepare("v2.6.0"), FIRST)
    known = CatalogLines({"2.15": line.catalog.lines["2.15"]}, TODAY)
    found = verify_reference(
        line.registry, line.catalog.repositories, "v2.6.0", line.trusted, known=known
    )
    assert found.lines[2] == "warning: the catalogue has no line 2.6, so nobody patches it"
    assert found.verdict is Verdict.PASS


@pytest.mark.parametrize("exceptions", [True, False])
def test_rescan_and_due_say_it_once_and_no_patch_is_due(
    line: Line, tmp_path: Path, exceptions: bool
) -> None:
    line.promote(line.prepare("v2.6.0", findings=[EXCUSED], jinja2="3.1.6"), FIRST)
    advisories: list[PipAdvisory | DebianAdvisory] = [
        PipAdvisory("CVE-2026-24747", "torch", ("< 2.10.0",), ("2.10.0",)),
        DebianAdvisory("CVE-2026-9", "zsh", "9"),
        PipAdvisory("CVE-2026-8", "unrelated", ("< 1",), ("1",)),
    ]
    published = "2026-01-27T00:00:00Z"
    known = [Vulnerability(each.id, severity="HIGH", published=published) for each in advisories]
    updated = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)
    write(tmp_path / "db", advisories, known, updated_at=updated)
    database = trivy.obtain_database(str(tmp_path / "db"), None)
    given = load_line_exceptions() if exceptions else ()
    context = AssessmentContext(load_policy(), (), database, History({}), TODAY, CANARIES, given)
    bench = ImageAssessor(line.registry, line.catalog, OURS, context, lambda: P256)
    result = rescan_images(bench, PRODUCTION)
    said = SENTENCE + (
        " (there is an exception until 2027-05-26)"
        if exceptions
        else " (without an exception it stays a candidate)"
    )
    assert [(each.line, each.text) for each in result.unfixable] == [("2.6", said)]
    assert result.due == ()
    assert result.verdict is (Verdict.PASS if exceptions else Verdict.FAIL)

    repositories = line.catalog.repositories
    kept = store.read_history(line.registry, repositories.records, findings_seal(P256), TODAY)
    out = list_releases(line.registry, line.catalog, OURS)
    due = find_due(TODAY, channels.load(), line.catalog.lines, out, kept.judgements)
    assert [str(each) for each in due] == [said]
    assert [each.since for each in due] == ["2026-11-27"]
