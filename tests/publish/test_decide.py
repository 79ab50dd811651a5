"""Only `pass` on everything is production; what was not proven never is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from publish.promote import CANDIDATE, PRODUCTION, decide, judge, tag_of
from runner.verdict import Verdict
from tests.publish.released import built, evidence, scanned, validated

PASS, FAIL, INFRA = Verdict.PASS, Verdict.FAIL, Verdict.INFRA
UNSURE, NOT_RUN = Verdict.INCONCLUSIVE, Verdict.NOT_RUN


def test_pass_on_everything_is_production() -> None:
    decision = decide([evidence("base"), evidence("cv")])
    assert (decision.verdict, decision.reason, decision.channel) == (PASS, "", PRODUCTION)


@pytest.mark.parametrize("verdict", [UNSURE, NOT_RUN])
@pytest.mark.parametrize("stage", ["validation", "scan"])
def test_what_was_not_proven_stays_a_candidate(verdict: Verdict, stage: str) -> None:
    one = evidence("cv", **{stage: verdict})
    decision = decide([evidence("base"), one])
    assert (decision.verdict, decision.reason, decision.channel) == (UNSURE, "cv: because", CANDIDATE)


@pytest.mark.parametrize("verdict", [FAIL, INFRA])
@pytest.mark.parametrize("stage", ["validation", "scan"])
def test_one_failed_or_disturbed_image_promotes_nothing(verdict: Verdict, stage: str) -> None:
    decision = decide([evidence("base"), evidence("cv", **{stage: verdict})])
    assert (decision.verdict, decision.reason, decision.channel) == (verdict, "cv: because", "")


def test_the_worst_image_gives_the_reason() -> None:
    decision = decide(
        [evidence("base", scan=UNSURE, reason="unsure"), evidence("cv", validation=FAIL, reason="broken")]
    )
    assert (decision.verdict, decision.reason) == (FAIL, "cv: broken")


def test_nothing_to_judge_is_no_production() -> None:
    assert decide([]).channel != PRODUCTION


@pytest.mark.parametrize("missing", ["validation", "scan"])
def test_a_missing_record_is_not_run(missing: str) -> None:
    known = evidence()
    without = replace(known, validation=None) if missing == "validation" else replace(known, scan=None)
    verdict, reason = judge(without)
    assert (verdict, reason) == (NOT_RUN, f"base: no {missing} record")


def test_a_record_about_other_bytes_counts_as_none() -> None:
    build, other = built("base"), built("base", "sha256:" + "b" * 64)
    about_other = replace(evidence(), build=build, validation=validated(other), scan=scanned(build))
    verdict, reason = judge(about_other)
    assert verdict is NOT_RUN
    assert other.digest in reason
    assert decide([about_other]).channel == CANDIDATE


@pytest.mark.parametrize(
    ("image", "channel", "tag"),
    [
        ("base", PRODUCTION, "v2.6.0"),
        ("cv", PRODUCTION, "v2.6.0-cv"),
        ("base", CANDIDATE, "v2.6.0-candidate"),
        ("cv-nlp", CANDIDATE, "v2.6.0-candidate-cv-nlp"),
    ],
)
def test_tags(image: str, channel: str, tag: str) -> None:
    assert tag_of(image, "v2.6.0", channel) == tag
