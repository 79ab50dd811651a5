"""Day by day, which channel takes a release of a line that has ended or cannot fix an advisory."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace

import pytest

from images import catalog
from images.catalog import Catalog, Line, Version
from images.support import SupportPhase, SupportStatus, describe_support, find_last_day, find_phase
from publish.evidence.kinds import read_date
from publish.evidence.predicates import SBOM, provenance, test_result, vulnerability
from publish.evidence.statement import Statement
from publish.evidence.store import FoundEvidence
from publish.policy import gate
from publish.policy.channels import Channels
from publish.policy.gate import GateDecision, decide_promotion
from publish.policy.schedule import DueRelease, PublishedRelease, find_due
from runner.verdict import Verdict
from scan.history import RescanVerdict
from scan.line_fixes import OutsideFix
from scan.record import Database, Finding, TriagedFinding, TriageStatus
from tests.fakes.cyclonedx import sbom
from tests.publish.signed import (
    BUILDER,
    DIGEST,
    NAME,
    WHEELS,
    build_record,
    scan_record,
    validation_record,
)

TODAY = datetime.date(2026, 11, 27)
EXPIRES = datetime.date(2027, 5, 26)
ONE_DAY = datetime.timedelta(days=1)
WEIGHTS = "CVE-2026-24747"
CHANNELS = ("candidate", "monthly", "quarterly", "production")
BLOCKS, EXCUSED = TriageStatus.BLOCKS, TriageStatus.EXCUSED


@pytest.fixture(scope="module")
def known() -> Catalog:
    return catalog.load_catalog()


def judged(
    standing: TriageStatus,
    until: datetime.date | None = None,
    *,
    id_: str = WEIGHTS,
    package: str = "torch",
    installed: str = "2.6.0",
    fixed: str = "2.10.0",
) -> TriagedFinding:
    """A finding; `until` is the last day of its exception."""
    purl = f"pkg:pypi/{package}@{installed}"
    found = Finding(id_, purl, package, installed, fixed, "HIGH", "", "2026-01-27")
    last = until.isoformat() if until else ""
    return TriagedFinding(found, standing, last or "2026-02-24", "why", last)


def evidence_of(day: datetime.date, findings: Sequence[TriagedFinding]) -> list[FoundEvidence]:
    """All evidence of one day about an image with these findings, as a trusted key signed it."""
    at = f"{day}T01:00:00+00:00"
    build = replace(build_record(), created_at=at, debian_taken_at=at)
    refused = any(each.standing is BLOCKS for each in findings)
    scan = replace(
        scan_record(build, *findings),
        started_at=at,
        database=Database("db", "4" * 64, at),
        verdict=Verdict.FAIL if refused else Verdict.PASS,
        reason="1 finding blocks" if refused else "",
    )
    statements = [
        provenance.make_statement(build, WHEELS, BUILDER, NAME),
        test_result.make_statement(
            replace(validation_record(build), started_at=at), build.stacks, NAME
        ),
        Statement(DIGEST, NAME, SBOM, {**sbom(), "metadata": {"timestamp": at}}),
        vulnerability.make_statement(scan, NAME),
    ]
    return [
        FoundEvidence(each.predicate_type, each.predicate_type, each, "k", read_date(each), "")
        for each in statements
    ]


def decide(  # noqa: PLR0917 - the catalogue, the channel, and what was found when
    known: Catalog,
    shipped: Channels,
    channel: str,
    findings: Sequence[TriagedFinding],
    day: datetime.date = TODAY,
    scanned_on: datetime.date | None = None,
) -> GateDecision:
    kind = "feature" if channel == "quarterly" else "patch"
    subject = gate.make_subject(known, Version("2.6", 0), "base", DIGEST, kind)
    return decide_promotion(
        subject, evidence_of(scanned_on or day, findings), shipped, channel, day
    )


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    ("findings", "day", "scanned_on", "says"),
    [
        pytest.param([], TODAY, None, "", id="nothing found"),
        pytest.param([judged(EXCUSED, EXPIRES)], TODAY, None, "", id="exception in force"),
        pytest.param([judged(EXCUSED, EXPIRES)], EXPIRES, None, "", id="on its last day"),
        pytest.param(
            [judged(EXCUSED, EXPIRES)],
            EXPIRES + ONE_DAY,
            EXPIRES,
            "its exception ended on 2027-05-26",
            id="it ended between the scan and the decision",
        ),
        pytest.param(
            [judged(BLOCKS, EXPIRES)],
            EXPIRES + ONE_DAY,
            None,
            "its exception ended on 2027-05-26",
            id="it ended before the scan",
        ),
        pytest.param(
            [judged(BLOCKS)],
            TODAY,
            None,
            "2.6 cannot be fixed inside the line: CVE-2026-24747, fixed in 2.10.0; move to 2.15 "
            "(without an exception it stays a candidate)",
            id="no exception",
        ),
        pytest.param(
            [judged(EXCUSED, EXPIRES), judged(BLOCKS, id_="CVE-2026-9", fixed="2.11.0")],
            TODAY,
            None,
            "2.6 cannot be fixed inside the line: CVE-2026-9, fixed in 2.11.0; move to 2.15",
            id="one of two has none",
        ),
        pytest.param(
            [judged(EXCUSED, EXPIRES), judged(EXCUSED, TODAY, id_="CVE-2026-9", fixed="2.11.0")],
            TODAY,
            None,
            "",
            id="both have one",
        ),
        pytest.param(
            [judged(TriageStatus.UNFIXED, fixed="")], TODAY, None, "", id="no fix anywhere"
        ),
        pytest.param([judged(TriageStatus.GRACE)], TODAY, None, "", id="in grace"),
    ],
)
def test_candidate_takes_what_the_line_cannot_fix_and_the_others_need_an_exception(  # noqa: PLR0917 - one argument for each column of the table
    known: Catalog,
    shipped: Channels,
    channel: str,
    findings: Sequence[TriagedFinding],
    day: datetime.date,
    scanned_on: datetime.date | None,
    says: str,
) -> None:
    decision = decide(known, shipped, channel, findings, day, scanned_on)
    if channel == "candidate" or not says:
        assert decision.reason_lines == ()
        assert decision.is_allowed
        return
    (reason,) = decision.reason_lines
    assert says in reason
    assert decision.verdict is Verdict.FAIL


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("fixed", ["2.6.1", "2.6.1, 2.10.0"])
def test_what_a_patch_can_fix_blocks_every_channel(
    known: Catalog, shipped: Channels, channel: str, fixed: str
) -> None:
    (reason,) = decide(known, shipped, channel, [judged(BLOCKS, fixed=fixed)]).reason_lines
    assert reason == f"base: vulnerability result: blocked by {WEIGHTS}"


@pytest.mark.parametrize("channel", CHANNELS)
def test_beside_it_what_a_patch_can_fix_still_blocks(
    known: Catalog, shipped: Channels, channel: str
) -> None:
    """Also if it is the same advisory."""
    both = [judged(BLOCKS), judged(BLOCKS, package="jinja2", installed="3.1.4", fixed="3.1.5")]
    reasons = decide(known, shipped, channel, both).reason_lines
    assert f"base: vulnerability result: blocked by {WEIGHTS}" in reasons
    assert len(reasons) == (1 if channel == "candidate" else 2)


def test_an_ordinary_exception_ends_on_its_day_too(known: Catalog, shipped: Channels) -> None:
    found = [judged(EXCUSED, TODAY, package="jinja2", installed="3.1.4", fixed="3.1.5")]
    assert decide(known, shipped, "monthly", found).is_allowed
    (reason,) = decide(known, shipped, "monthly", found, TODAY + ONE_DAY, TODAY).reason_lines
    assert "the exception for CVE-2026-24747 in jinja2 3.1.4 ended on 2026-11-27" in reason


@pytest.mark.parametrize(
    ("result", "says"),
    [("nonsense", "cannot be read"), ([{}], "cannot be read"), ([7], "cannot be read")],
)
def test_findings_that_cannot_be_read_refuse(
    known: Catalog, shipped: Channels, result: object, says: str
) -> None:
    found = evidence_of(TODAY, [judged(EXCUSED, EXPIRES)])
    scan = found[-1].statement
    assert scan is not None
    scan.predicate["scanner"]["result"] = result
    subject = gate.make_subject(known, Version("2.6", 0), "base", DIGEST, "patch")
    decision = decide_promotion(subject, found, shipped, "candidate", TODAY)
    assert says in decision.reason_lines[0]


# The status of the line

PHASES = (
    SupportPhase(SupportStatus.ACTIVE, datetime.date(2025, 1, 29), "it is new"),
    SupportPhase(SupportStatus.SECURITY, datetime.date(2026, 7, 1), "others ended it"),
    SupportPhase(SupportStatus.ENDED, datetime.date(2027, 7, 1), "it is old"),
)


@pytest.mark.parametrize(
    ("day", "status"),
    [
        ("2020-01-01", SupportStatus.ACTIVE),
        ("2025-01-28", SupportStatus.ACTIVE),
        ("2025-01-29", SupportStatus.ACTIVE),
        ("2026-06-30", SupportStatus.ACTIVE),
        ("2026-07-01", SupportStatus.SECURITY),
        ("2027-06-30", SupportStatus.SECURITY),
        ("2027-07-01", SupportStatus.ENDED),
        ("2099-12-31", SupportStatus.ENDED),
    ],
)
def test_a_status_holds_from_its_day_until_the_next(day: str, status: SupportStatus) -> None:
    assert find_phase(PHASES, datetime.date.fromisoformat(day)).status is status


def test_the_last_day_is_the_one_before_the_end() -> None:
    assert find_last_day(PHASES) == datetime.date(2027, 6, 30)
    assert find_last_day(PHASES[:2]) is None
    assert describe_support(PHASES, TODAY) == (
        "security since 2026-07-01: others ended it (last day: 2027-06-30)"
    )
    assert (
        describe_support(PHASES, datetime.date(2027, 7, 1)) == "ended since 2027-07-01: it is old"
    )


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("day", ["2026-06-30", "2026-07-01", "2027-06-30", "2027-07-01"])
def test_nothing_of_a_line_that_ended_is_promoted(
    known: Catalog, shipped: Channels, channel: str, day: str
) -> None:
    lines = {**known.lines, "2.6": replace(known.lines["2.6"], support=PHASES)}
    on = datetime.date.fromisoformat(day)
    decision = decide(replace(known, lines=lines), shipped, channel, [], on)
    if day < "2027-07-01":
        assert decision.is_allowed
        return
    assert decision.reason_lines == (
        "base: line 2.6 has ended, so nothing of it is promoted: ended since 2027-07-01: it is old",
    )
    assert decision.verdict is Verdict.FAIL


# What is due


def due(
    known: Catalog,
    shipped: Channels,
    day: datetime.date,
    *outside: OutsideFix,
    only: bool = True,
    verdict: Verdict = Verdict.FAIL,
    phases: Sequence[SupportPhase] = PHASES,
) -> tuple[DueRelease, ...]:
    lines: dict[str, Line] = dict(known.lines)
    lines["2.6"] = replace(lines["2.6"], support=tuple(phases))
    out = [PublishedRelease(Version("2.6", 2), "quarterly", datetime.date(2026, 11, 20))]
    results = [
        RescanVerdict("2026-11-25", "v2.6.2", image, image, verdict, "CVE", 0.1, outside, only)
        for image in ("base", "cv", "nlp", "rl")
    ]
    return find_due(day, shipped, lines, out, results)


def test_it_is_said_once_and_is_no_patch_that_is_due_for_ever(
    known: Catalog, shipped: Channels
) -> None:
    for day in (TODAY, TODAY + 60 * ONE_DAY):
        (found,) = due(known, shipped, day, OutsideFix(WEIGHTS, "torch", "2.6.0", "2.10.0"))
        assert (found.action, found.version, found.channel) == ("move", "", "")
        assert str(found) == (
            "2.6 cannot be fixed inside the line: CVE-2026-24747, fixed in 2.10.0; move to 2.15 "
            "(without an exception it stays a candidate)"
        )
        assert found.support == "security since 2026-07-01: others ended it"


def test_with_an_exception_it_is_said_and_the_calendar_goes_on_until_it_ends(
    known: Catalog, shipped: Channels
) -> None:
    excused = OutsideFix(WEIGHTS, "torch", "2.6.0", "2.10.0", EXPIRES.isoformat())
    for day, actions in (
        (TODAY, ["move"]),
        (datetime.date(2026, 12, 15), ["release", "move"]),
        (EXPIRES, ["release", "release", "move", "announce"]),
        (EXPIRES + ONE_DAY, ["move", "announce"]),
    ):
        found = due(known, shipped, day, excused, verdict=Verdict.PASS, only=False)
        assert [each.action for each in found] == actions, day


def test_what_a_patch_can_fix_beside_it_is_due_while_there_is_an_exception(
    known: Catalog, shipped: Channels
) -> None:
    excused = OutsideFix(WEIGHTS, "torch", "2.6.0", "2.10.0", EXPIRES.isoformat())
    found = due(known, shipped, TODAY, excused, only=False)
    assert [(each.action, each.version) for each in found] == [("release", "v2.6.3"), ("move", "")]


def test_a_line_that_gets_only_patches_is_due_for_no_feature(
    known: Catalog, shipped: Channels
) -> None:
    day = datetime.date(2027, 1, 4)
    for phases, kinds in ((PHASES[:1], {"patch", "feature"}), (PHASES, {"patch"})):
        found = due(known, shipped, day, verdict=Verdict.PASS, only=False, phases=phases)
        assert {each.kind for each in found} == kinds
        assert {each.channel for each in found} == {"monthly", "quarterly"}


def test_nothing_is_due_for_a_line_that_ended(known: Catalog, shipped: Channels) -> None:
    fix = OutsideFix(WEIGHTS, "torch", "2.6.0", "2.10.0")
    assert due(known, shipped, datetime.date(2027, 7, 1), fix) == ()
