"""What is due today, day by day, with every border of a calendar."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from images import catalog
from images.catalog import Line, Version
from images.support import SupportPhase, SupportStatus
from publish.policy.channels import Calendar, Channels
from publish.policy.schedule import DueRelease, PublishedRelease, find_due, latest_scheduled_day
from runner import records
from runner.verdict import Verdict
from scan.history import RescanVerdict

SUPPORTED = datetime.date(2027, 6, 30)
MONTHLY = Calendar(tuple(range(1, 13)), 15)
QUARTERLY = Calendar((1, 4, 7, 10), 1)


@pytest.fixture(scope="module")
def line() -> Line:
    return supported(catalog.load_catalog().lines["2.6"], SUPPORTED)


def supported(line: Line, last: datetime.date) -> Line:
    """The line, active until this day."""
    phases = (
        SupportPhase(SupportStatus.ACTIVE, datetime.date(2025, 1, 29), "it is new"),
        SupportPhase(SupportStatus.ENDED, last + datetime.timedelta(days=1), "it is old"),
    )
    return replace(line, support=phases)


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def out(*texts: str, line: str = "2.6") -> list[PublishedRelease]:
    """`0 production 2026-09-01` each."""
    words = (text.split() for text in texts)
    return [
        PublishedRelease(Version(line, int(patch)), channel, day(when))
        for patch, channel, when in words
    ]


def judgement(
    version: str, image: str, verdict: Verdict, when: str = "2026-11-20", reason: str = "CVE-1"
) -> RescanVerdict:
    return RescanVerdict(when, version, image, f"sha256:{version}{image}", verdict, reason, 0.1)


def shortly(found: Sequence[DueRelease]) -> list[str]:
    return [f"{each.version} {each.kind} {each.channel} {each.since}".strip() for each in found]


def days(first: str, last: str) -> Iterator[datetime.date]:
    for number in range((day(last) - day(first)).days + 1):
        yield day(first) + datetime.timedelta(days=number)


@pytest.mark.parametrize(
    ("calendar", "today", "expected"),
    [
        pytest.param(MONTHLY, "2026-09-15", "2026-09-15", id="a Tuesday, on the day"),
        pytest.param(
            MONTHLY, "2026-09-14", "2026-08-17", id="the day before: last month's, after a weekend"
        ),
        pytest.param(MONTHLY, "2026-11-15", "2026-10-15", id="the 15th is a Sunday: not yet"),
        pytest.param(MONTHLY, "2026-11-16", "2026-11-16", id="the Monday after"),
        pytest.param(MONTHLY, "2026-08-15", "2026-07-15", id="the 15th is a Saturday"),
        pytest.param(MONTHLY, "2026-08-16", "2026-07-15", id="the Sunday after it"),
        pytest.param(MONTHLY, "2026-08-17", "2026-08-17", id="two days after a Saturday"),
        pytest.param(MONTHLY, "2026-01-01", "2025-12-15", id="the year before"),
        pytest.param(MONTHLY, "2027-01-15", "2027-01-15", id="a Friday"),
        pytest.param(QUARTERLY, "2026-10-01", "2026-10-01", id="quarter, a Thursday"),
        pytest.param(QUARTERLY, "2026-09-30", "2026-07-01", id="the day before a quarter"),
        pytest.param(QUARTERLY, "2028-01-02", "2027-10-01", id="quarter, the 1st is a Saturday"),
        pytest.param(QUARTERLY, "2028-01-03", "2028-01-03", id="the Monday after"),
        pytest.param(QUARTERLY, "2026-12-31", "2026-10-01", id="the last of a quarter"),
        pytest.param(
            Calendar((2,), 28), "2026-03-02", "2026-03-02", id="over the end of the month"
        ),
        pytest.param(Calendar((2,), 28), "2026-03-01", "2025-02-28", id="not yet, a year ago"),
        pytest.param(
            Calendar((12,), 28), "2026-01-01", "2025-12-29", id="over a weekend, in the old year"
        ),
    ],
)
def test_days_of_a_calendar(calendar: Calendar, today: str, expected: str) -> None:
    assert latest_scheduled_day(calendar, day(today)) == day(expected)


@pytest.mark.parametrize("calendar", [MONTHLY, QUARTERLY, Calendar((2, 11), 28)])
def test_every_day_of_ten_years(calendar: Calendar) -> None:
    """On a weekday, on or up to two days after the day that is written, each once, never to come,
    never backwards.
    """
    before = latest_scheduled_day(calendar, day("2026-01-01"))
    seen = {before}
    for today in days("2026-01-02", "2035-12-31"):
        found = latest_scheduled_day(calendar, today)
        assert before <= found <= today
        assert found in (before, today), "it changes on the day itself"
        assert found.weekday() < 5
        before = found
        seen.add(found)
    assert len([each for each in seen if each.year >= 2026]) == 10 * len(calendar.months)


@pytest.mark.parametrize(
    ("today", "released", "expected"),
    [
        pytest.param("2026-09-14", ["0 production 2026-09-01"], [], id="nothing yet"),
        pytest.param(
            "2026-09-15",
            ["0 production 2026-09-01"],
            ["v2.6.1 patch monthly 2026-09-15"],
            id="monthly",
        ),
        pytest.param(
            "2026-09-30",
            ["0 production 2026-09-01"],
            ["v2.6.1 patch monthly 2026-09-15"],
            id="still due",
        ),
        pytest.param(
            "2026-09-15", ["0 production 2026-09-01", "1 monthly 2026-09-15"], [], id="done"
        ),
        pytest.param(
            "2026-09-16",
            ["0 production 2026-09-01", "1 monthly 2026-09-15"],
            [],
            id="done yesterday",
        ),
        pytest.param(
            "2026-09-15", ["0 production 2026-09-15"], [], id="started by a person, on the day"
        ),
        pytest.param(
            "2026-09-15",
            ["0 production 2026-09-01", "1 monthly 2026-09-14"],
            ["v2.6.2 patch monthly 2026-09-15"],
            id="out of turn the day before",
        ),
        pytest.param(
            "2026-10-01",
            ["0 production 2026-09-01", "1 monthly 2026-09-15"],
            ["v2.6.2 feature quarterly 2026-10-01"],
            id="quarterly",
        ),
        pytest.param(
            "2026-10-01",
            ["0 production 2026-09-01"],
            ["v2.6.1 patch monthly 2026-09-15", "v2.6.2 feature quarterly 2026-10-01"],
            id="both: one after the other",
        ),
        pytest.param(
            "2026-10-01",
            ["0 production 2026-09-01", "1 quarterly 2026-10-01"],
            [],
            id="a feature does a patch's work",
        ),
        pytest.param(
            "2026-10-14",
            ["0 production 2026-09-01", "1 quarterly 2026-10-05"],
            [],
            id="and does until the next",
        ),
        pytest.param(
            "2026-10-15",
            ["0 production 2026-09-01", "1 quarterly 2026-10-05"],
            ["v2.6.2 patch monthly 2026-10-15"],
            id="then not",
        ),
        pytest.param(
            "2026-10-15",
            ["0 production 2026-09-01", "1 monthly 2026-10-15"],
            ["v2.6.2 feature quarterly 2026-10-01"],
            id="a patch does not do a feature's",
        ),
        pytest.param(
            "2026-09-15",
            ["0 production 2026-09-01", "7 candidate 2026-09-15"],
            ["v2.6.1 patch monthly 2026-09-15"],
            id="a candidate is none, and takes no number",
        ),
        pytest.param(
            "2026-09-15",
            ["0 production 2026-09-01", "7 weekly 2026-09-15"],
            ["v2.6.8 patch monthly 2026-09-15"],
            id="of a channel that is no more: it took its number",
        ),
        pytest.param(
            "2026-09-15",
            ["10 production 2026-08-01", "9 monthly 2026-07-15"],
            ["v2.6.11 patch monthly 2026-09-15"],
            id="numbers, not letters",
        ),
        pytest.param("2026-09-15", [], [], id="a line that was never begun"),
        pytest.param("2026-09-15", ["0 candidate 2026-09-01"], [], id="or has candidates only"),
    ],
)
def test_the_calendar(
    shipped: Channels, line: Line, today: str, released: list[str], expected: list[str]
) -> None:
    assert shortly(find_due(day(today), shipped, {"2.6": line}, out(*released))) == expected


def test_what_was_withdrawn_takes_its_number_with_it_and_leaves_its_work_undone(
    shipped: Channels, line: Line
) -> None:
    first, second = out("0 production 2026-09-01", "1 monthly 2026-09-15")
    refused = [
        judgement("v2.6.0", "cv", Verdict.FAIL, "2026-09-16"),
        judgement("v2.6.1", "cv", Verdict.FAIL),
    ]
    (found,) = find_due(
        day("2026-09-16"), shipped, {"2.6": line}, [first, replace(second, withdrawn=True)], refused
    )
    assert (found.version, found.newest) == ("v2.6.2", "v2.6.0")
    assert found.reasons == (
        "cv: refused by the scan since 2026-09-16: CVE-1",
        "the calendar has a release on 2026-09-15, 1 day ago",
    )
    every, _ = find_due(day("2026-09-15"), shipped, {"2.6": line}, [replace(first, withdrawn=True)])
    assert (every.version, every.newest) == ("v2.6.1", "v2.6.0")


def test_a_year_of_releases_on_the_day(shipped: Channels, line: Line) -> None:
    """Who releases what is due each day has twelve patches and four features, numbered without a
    gap.
    """
    released = out("0 production 2025-12-31")
    for today in days("2026-01-01", "2026-12-31"):
        found = find_due(today, shipped, {"2.6": line}, released)
        assert len(found) < 2
        for each in found:
            patch = int(each.version.rpartition(".")[2])
            assert patch == released[-1].version.patch + 1
            assert each.since == today.isoformat()
            released.append(PublishedRelease(Version("2.6", patch), each.channel, today))
        assert find_due(today, shipped, {"2.6": line}, released) == ()
    assert [each.channel for each in released[1:]].count("monthly") == 12
    assert [each.channel for each in released[1:]].count("quarterly") == 4
    assert released[1].day == day("2026-01-01")


@pytest.mark.parametrize(
    ("judgements", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param([judgement("v2.6.1", "cv", Verdict.PASS)], [], id="pass"),
        pytest.param([judgement("v2.6.1", "cv", Verdict.INFRA)], [], id="the scanner failed"),
        pytest.param([judgement("v2.6.1", "cv", Verdict.INCONCLUSIVE)], [], id="not assessed"),
        pytest.param(
            [judgement("v2.6.1", "cv", Verdict.FAIL)],
            ["v2.6.2 patch monthly 2026-11-20"],
            id="refused",
        ),
        pytest.param([judgement("v2.6.0", "cv", Verdict.FAIL)], [], id="an older release"),
        pytest.param([judgement("v2.6.2", "cv", Verdict.FAIL)], [], id="one that is not out"),
        pytest.param([judgement("v2.9.1", "cv", Verdict.FAIL)], [], id="another line"),
        pytest.param(
            [
                judgement("v2.6.1", "cv", Verdict.FAIL, "2026-11-18"),
                judgement("v2.6.1", "cv", Verdict.PASS),
            ],
            [],
            id="no longer",
        ),
        pytest.param(
            [
                judgement("v2.6.1", "cv", Verdict.FAIL),
                judgement("v2.6.1", "cv", Verdict.PASS, "2026-11-18"),
            ],
            ["v2.6.2 patch monthly 2026-11-20"],
            id="not in order",
        ),
        pytest.param(
            [
                judgement("v2.6.1", "cv", Verdict.FAIL, "2026-11-18"),
                judgement("v2.6.1", "rl", Verdict.PASS),
            ],
            ["v2.6.2 patch monthly 2026-11-18"],
            id="another image passes",
        ),
    ],
)
def test_advisories_past_grace(
    shipped: Channels, line: Line, judgements: list[RescanVerdict], expected: list[str]
) -> None:
    out_ = out("0 quarterly 2026-10-01", "1 monthly 2026-11-16")
    assert (
        shortly(find_due(day("2026-11-21"), shipped, {"2.6": line}, out_, judgements)) == expected
    )


def test_every_refused_image_is_a_reason_and_the_calendar_one_more(
    shipped: Channels, line: Line
) -> None:
    judgements = [
        judgement("v2.6.0", "base", Verdict.FAIL, "2026-11-17", "2 findings block"),
        judgement("v2.6.0", "cv", Verdict.FAIL, "2026-11-19", "expired exception"),
    ]
    released = out("0 quarterly 2026-10-20")
    (found,) = find_due(day("2026-11-21"), shipped, {"2.6": line}, released, judgements)
    assert found.reasons == (
        "base: refused by the scan since 2026-11-17: 2 findings block",
        "cv: refused by the scan since 2026-11-19: expired exception",
        "the calendar has a release on 2026-11-16, 5 days ago",
    )
    assert (found.since, found.newest, found.version) == ("2026-11-16", "v2.6.0", "v2.6.1")


def test_security_does_not_wait_for_a_feature_release(shipped: Channels, line: Line) -> None:
    judgements = [judgement("v2.6.1", "cv", Verdict.FAIL, "2026-10-02")]
    released = out("0 production 2026-09-01", "1 monthly 2026-09-15")
    found = find_due(day("2026-10-05"), shipped, {"2.6": line}, released, judgements)
    assert shortly(found) == [
        "v2.6.2 patch monthly 2026-10-02",
        "v2.6.3 feature quarterly 2026-10-01",
    ]


@pytest.mark.parametrize(
    ("today", "left"),
    [
        ("2027-03-31", None),
        ("2027-04-01", "in 90 days"),
        ("2027-04-02", "in 89 days"),
        ("2027-06-29", "in 1 day"),
        ("2027-06-30", "today"),
        ("2027-07-01", None),
        ("2028-01-03", None),
    ],
)
def test_the_end_of_support_is_announced(
    shipped: Channels, line: Line, today: str, left: str | None
) -> None:
    released = out("0 production 2027-06-30")
    found = find_due(day(today), shipped, {"2.6": line}, released)
    if left is None:
        assert found == ()
        return
    (each,) = found
    assert (each.action, each.version, each.channel, each.kind) == ("announce", "", "", "")
    assert each.since == "2027-04-01"
    assert str(each) == (
        f"line 2.6, due since 2027-04-01: announce that its support ends on 2027-06-30, {left}"
    )


def test_nothing_is_due_after_the_end_of_support(shipped: Channels, line: Line) -> None:
    released = out("0 production 2027-01-04")
    refused = [judgement("v2.6.0", "cv", Verdict.FAIL, "2027-06-01")]
    last = find_due(SUPPORTED, shipped, {"2.6": line}, released, refused)
    assert [each.action for each in last] == ["release", "release", "announce"]
    assert (
        find_due(SUPPORTED + datetime.timedelta(days=1), shipped, {"2.6": line}, released, refused)
        == ()
    )


def test_lines_do_not_mix(shipped: Channels, line: Line) -> None:
    lines = {"2.6": line, "2.9": supported(replace(line, torch="2.9.1"), day("2028-06-30"))}
    released = [*out("4 quarterly 2026-10-01"), *out("0 production 2026-11-16", line="2.9")]
    refused = [judgement("v2.9.0", "cv", Verdict.FAIL)]
    found = find_due(day("2026-11-21"), shipped, lines, released, refused)
    assert shortly(found) == ["v2.6.5 patch monthly 2026-11-16", "v2.9.1 patch monthly 2026-11-20"]


def test_the_order_of_what_is_given_does_not_matter(shipped: Channels, line: Line) -> None:
    released = out(
        "0 production 2026-09-01",
        "1 monthly 2026-09-15",
        "2 quarterly 2026-10-02",
        "3 candidate 2026-11-01",
    )
    judgements = [judgement("v2.6.2", image, Verdict.FAIL) for image in ("base", "cv")]
    one = find_due(day("2026-11-21"), shipped, {"2.6": line}, released, judgements)
    assert one == find_due(day("2026-11-21"), shipped, {"2.6": line}, released[::-1], judgements)
    assert len(one) == 1


def test_one_line_for_people_and_json_for_workflows(shipped: Channels, line: Line) -> None:
    (found,) = find_due(day("2026-09-15"), shipped, {"2.6": line}, out("0 production 2026-09-01"))
    assert str(found) == (
        "v2.6.1: patch release through the channel monthly, due since 2026-09-15: "
        "the calendar has a release on 2026-09-15"
    )
    assert records.to_plain(found) == {
        "action": "release",
        "line": "2.6",
        "newest": "v2.6.0",
        "version": "v2.6.1",
        "channel": "monthly",
        "kind": "patch",
        "since": "2026-09-15",
        "reasons": ["the calendar has a release on 2026-09-15"],
        "support": "active since 2025-01-29: it is new",
    }
    assert records.from_json(DueRelease, records.to_json(found), "due") == found
