"""The day from which a fix was known."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, replace
from itertools import permutations

from runner import records
from runner.verdict import Verdict
from scan.history import History, RescanVerdict
from scan.line_fixes import OutsideFix
from tests.scan.samples import finding

MONDAY, TUESDAY, FRIDAY = (datetime.date(2026, 11, day) for day in (16, 17, 20))
NONE = History({})


def test_a_fix_that_was_there_at_first_sight_counts_from_the_advisorys_day() -> None:
    seen = NONE.with_findings([finding(published="2026-03-01")], MONDAY)
    assert seen.first_fix_day(finding(published="2026-03-01"), FRIDAY) == datetime.date(2026, 3, 1)


def test_without_a_day_of_its_own_it_counts_from_the_first_sight() -> None:
    found = finding(published="")
    assert NONE.with_findings([found], MONDAY).first_fix_day(found, FRIDAY) == MONDAY
    assert NONE.first_fix_day(found, FRIDAY) == FRIDAY


def test_a_fix_that_came_later_counts_from_the_day_it_was_first_seen() -> None:
    unfixed = NONE.with_findings([finding(fixed="", published="2020-01-01")], MONDAY)
    fixed = unfixed.with_findings([finding(published="2020-01-01")], TUESDAY)
    later = fixed.with_findings([finding(published="2020-01-01")], FRIDAY)
    assert later.first_fix_day(finding(published="2020-01-01"), FRIDAY) == TUESDAY


def test_another_version_of_the_package_is_the_same_finding() -> None:
    seen = NONE.with_findings([finding(published="")], MONDAY)
    moved = finding(published="")
    assert (
        seen.first_fix_day(
            moved.__class__(**{**moved.__dict__, "purl": "pkg:pypi/jinja2@3.1.5"}), FRIDAY
        )
        == MONDAY
    )


def test_histories_of_two_scanners_are_merged_whatever_the_order() -> None:
    early = NONE.with_findings([finding(fixed="", published="")], MONDAY)
    both = early.with_findings([finding(published="")], FRIDAY)
    other = NONE.with_findings([finding(published="")], TUESDAY)
    for one, two, three in permutations((early, both, other)):
        merged = one.merge_with(two).merge_with(three)
        assert merged.first_fix_day(finding(published=""), FRIDAY) == TUESDAY
        assert next(iter(merged.seen.values())).first == MONDAY.isoformat()


def test_what_only_one_has_is_kept() -> None:
    one = NONE.with_findings([finding(id_="CVE-2026-1")], MONDAY)
    two = NONE.with_findings([finding(id_="CVE-2026-2")], TUESDAY)
    assert len(one.merge_with(two).seen) == len(two.merge_with(one).seen) == 2


def test_judgements_of_one_day_that_differ_in_time_alone_merge_to_the_same_for_everybody() -> None:
    several = [
        RescanVerdict("2026-11-20", "v2.6.0", "base", "a", Verdict.PASS, "", number / 8)
        for number in range(8)
    ]
    histories = [History({}, (each,)) for each in several]
    merged = NONE
    for each in histories:
        merged = merged.merge_with(each)
    for order in (histories, histories[::-1]):
        other = NONE
        for each in order:
            other = each.merge_with(other)
        assert other == merged


@dataclass(frozen=True)
class _VerdictBefore:
    """A result as versions before the fields about lines read it."""

    date: str
    version: str
    image: str
    digest: str
    verdict: Verdict
    reason: str
    seconds: float


def test_a_history_is_read_by_the_version_before_and_the_other_way_round() -> None:
    fix = OutsideFix("CVE-2026-1", "torch", "2.6.0", "2.10.0")
    new = RescanVerdict("2026-11-20", "v2.6.0", "base", "a", Verdict.FAIL, "why", 0.1, (fix,), True)
    old = records.from_json(_VerdictBefore, records.to_json(new), "a test")
    plain = json.dumps({"seen": {}, "judgements": [records.to_plain(old)]})
    (read,) = records.from_json(History, plain, "a test").judgements
    assert read == replace(new, outside=(), is_only_outside=False)
    assert read.needs_patch, "what an old version found is due as it was"


def test_a_result_that_now_says_what_the_line_cannot_fix_is_news() -> None:
    old = RescanVerdict("2026-11-20", "v2.6.0", "base", "a", Verdict.FAIL, "why", 0.1)
    fix = OutsideFix("CVE-2026-1", "torch", "2.6.0", "2.10.0")
    new = replace(old, date="2026-11-21", outside=(fix,), is_only_outside=True)
    history = NONE.with_results([old]).with_results([old]).with_results([new]).with_results([new])
    assert history.judgements == (old, new)
