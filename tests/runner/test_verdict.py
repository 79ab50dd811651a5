from __future__ import annotations

import itertools

import pytest

from runner.verdict import Verdict, summary_verdict, worst_verdict

FROM_WORST = [Verdict.FAIL, Verdict.INFRA, Verdict.INCONCLUSIVE, Verdict.NOT_RUN, Verdict.PASS]


@pytest.mark.parametrize(("worse", "better"), list(itertools.combinations(FROM_WORST, 2)))
def test_the_worse_counts_in_any_order(worse: Verdict, better: Verdict) -> None:
    assert worst_verdict([worse, better]) is worst_verdict([better, worse]) is worse


def test_nothing_judged_is_never_pass() -> None:
    assert worst_verdict([]) is Verdict.NOT_RUN
    assert summary_verdict([]) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("verdicts", list(itertools.product(FROM_WORST, repeat=2)))
def test_a_whole_passes_only_where_every_part_did(verdicts: tuple[Verdict, ...]) -> None:
    assert (summary_verdict(verdicts) is Verdict.PASS) == (set(verdicts) == {Verdict.PASS})
    assert summary_verdict(verdicts) is not Verdict.NOT_RUN


def test_words_are_the_ones_in_records() -> None:
    assert [str(verdict) for verdict in FROM_WORST] == [
        "fail",
        "infra",
        "inconclusive",
        "not run",
        "pass",
    ]
