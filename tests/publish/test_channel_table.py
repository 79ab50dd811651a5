"""Which channel takes which evidence: the table of docs/proof.md, and what no channel takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from publish.evidence import store as evidence
from publish.evidence.predicates import test_result
from publish.policy import channels, gate, proof
from publish.policy.channels import Channels, Demands
from publish.policy.gate import GateDecision
from runner.verdict import Verdict
from tests.publish import channel_table
from tests.publish.channel_table import A100, CASES, H100, L4, TODAY, TWO_H100, StandIn
from tests.publish.line import FIRST, OURS, Line
from tests.publish.signed import build_record
from tests.validation.test_levels import judge_by_checks_of, recorded
from validation.levels import LEVELS

ONE_GPU = ("1 x T4", "1 x L4", "1 x A100", "1 x H100")
RELEASING = ("monthly", "quarterly", "production")
STRICT = "production-multi-gpu"


@cache
def decisions() -> dict[tuple[str, str], GateDecision]:
    return {(case, channel): found for case, channel, found in channel_table.list_decisions()}


def judged(line: Line, machines: Sequence[StandIn], **changed: object) -> GateDecision:
    """The decision of `production` with some of its demands changed."""
    names = "".join(str(machine.count) + machine.peaks for machine in machines)
    build = channel_table.publish_evidence(line, machines, f"3.1.4+{names.lower()}")
    shipped = channels.load()
    demands: Demands = replace(shipped.demands["proven"], **changed)  # type: ignore[arg-type] # a table of fields, of any type
    known: Channels = replace(shipped, demands={**shipped.demands, "proven": demands})
    found = evidence.read_evidence(line.registry, build.repository, build.digest, OURS)
    version = line.catalog.require_version(channel_table.VERSION)
    subject = gate.make_subject(line.catalog, version, "base", build.digest, "major")
    return gate.decide_promotion(subject, found, known, "production", TODAY)


def test_the_page_has_the_table_that_the_gate_gives(home: Path) -> None:
    hint = "run .venv/bin/python -m tests.publish.channel_table"
    assert channel_table.render_page() == channel_table.PAGE.read_text(encoding="utf-8"), hint


@pytest.mark.parametrize("case", ONE_GPU)
def test_one_gpu_of_any_family_can_release_and_what_it_did_not_test_is_named(
    case: str, home: Path
) -> None:
    for channel in RELEASING:
        decision = decisions()[case, channel]
        assert decision.is_allowed, decision.reason_lines
        assert "transport between GPUs: not tested" in decision.proof
        assert "provisional" in decision.proof
    strict = decisions()[case, STRICT]
    assert (strict.verdict, len(strict.reasons)) == (Verdict.INCONCLUSIVE, 1)
    assert (
        "the level multi-gpu (NCCL between two or more GPUs of one machine) is not proven"
        in (strict.reason_lines[0])
    )


@pytest.mark.parametrize("case", [case for case in CASES if case not in ("no GPU", *ONE_GPU)])
def test_several_gpus_are_enough_for_every_channel(case: str, home: Path) -> None:
    for channel in (*RELEASING, STRICT):
        decision = decisions()[case, channel]
        assert decision.is_allowed, decision.reason_lines
        assert "transport between GPUs: not tested" not in decision.proof


def test_without_a_gpu_only_a_candidate(home: Path) -> None:
    for channel in (*RELEASING, STRICT):
        decision = decisions()["no GPU", channel]
        assert not decision.is_allowed
        assert "no tests on a GPU of a supported family" in decision.reason_lines[0]
    assert decisions()["no GPU", "candidate"].is_allowed


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.PASS])
def test_only_the_checks_between_gpus_are_left_to_other_machines(
    verdict: Verdict, line: Line
) -> None:
    """A check that one GPU can run and that did not pass refuses, in words."""
    build = channel_table.publish_evidence(line, ())
    record = channel_table.make_record(build, L4)
    for number, name in enumerate(("device", "ddp")):
        suites = tuple(
            replace(
                each,
                verdict=verdict,
                reason="because",
                checks=tuple(
                    replace(check, verdict=verdict) if check.name == "gloo_gradients" else check
                    for check in each.checks
                ),
            )
            if each.suite == name
            else each
            for each in record.suites
        )
        started = f"2026-11-20T2{number}:00:00+00:00"
        broken = replace(record, suites=suites, started_at=started)
        line.evidence_signer.attest_tests(build, broken)
        decision = channel_table.decide(line, build, "production")
        assert not decision.is_allowed
        assert f"suite {name}: {verdict}, because" in " ".join(decision.reason_lines)


def test_a_test_result_that_lacks_only_gpus_says_so() -> None:
    build = build_record()
    said = {
        machine: test_result.summarize_statement(
            test_result.make_statement(
                channel_table.make_record(build, machine), build.stacks, "pytorch-cuda"
            )
        )
        for machine in (None, L4, TWO_H100)
    }
    assert said[L4].endswith("on 1 x NVIDIA L4; `ddp` is complete only with 2 GPUs")
    assert said[L4].startswith("inconclusive, ")
    assert said[TWO_H100].startswith("pass, ")
    assert "complete" not in said[TWO_H100] + said[None]


# Several machines add up


def test_what_neither_machine_proves_alone_both_prove_together(line: Line) -> None:
    asked = {"gpus": ("Ada", "Hopper"), "levels": LEVELS[:3]}
    for alone, lacking in (((L4,), "no tests on a Hopper GPU"), ((TWO_H100,), "an Ada GPU")):
        decision = judged(line, alone, **asked)
        assert any(lacking in reason for reason in decision.reason_lines)
    both = judged(line, (L4, TWO_H100), **asked)
    assert both.is_allowed, both.reason_lines
    assert "NCCL between GPUs on 2 x NVIDIA H100 80GB HBM3" in both.proof
    assert "floor of NVIDIA L4: provisional" in both.proof


def test_a_set_of_families_needs_only_one_of_them(line: Line) -> None:
    assert judged(line, (L4,), gpus=(("Ampere", "Ada"),)).is_allowed
    refused = judged(line, (H100,), gpus=(("Ampere", "Ada"),))
    assert "no tests on an Ampere or Ada GPU (A100, " in refused.reason_lines[0]


def test_a_level_counts_only_on_a_gpu_that_the_channel_takes(line: Line) -> None:
    refused = judged(line, (A100, TWO_H100), gpus=("Ampere",), levels=LEVELS[:3])
    assert [reason for reason in refused.reason_lines if "multi-gpu" in reason]


def test_one_more_run_on_one_gpu_does_not_hide_the_run_on_two(line: Line) -> None:
    assert judged(line, (TWO_H100, H100), levels=LEVELS[:3]).is_allowed


def test_a_level_that_no_machine_proves_by_itself_refuses_and_says_how(line: Line) -> None:
    refused = judged(line, (TWO_H100,), levels=LEVELS)
    (reason,) = refused.reason_lines
    assert "the level multi-node (NCCL between machines) is not proven" in reason
    assert "run `validate --on slurm` with `multinode` in the cluster file" in reason


def test_a_channel_can_insist_on_a_measured_floor(line: Line) -> None:
    refused = judged(line, (L4,), floor=("measured",))
    (reason,) = refused.reason_lines
    assert "the floor of the throughput is provisional" in reason
    assert "./release.py baseline v2.6.0" in reason
    assert refused.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("floor", "takes"), [("measured", True), ("provisional", False), ("", False)]
)
def test_a_measured_floor_is_one_that_the_statement_names(
    line: Line, floor: str, takes: bool
) -> None:
    build = channel_table.publish_evidence(line, (L4,))
    record = channel_table.make_record(build, L4)
    tested = replace(test_result.make_claim(record, ("base",)), floor=floor)
    demands = replace(channels.load().demands["proven"], floor=("measured",))
    problems = [each.text for each in proof.find_run_problems(tested, {}, demands)]
    assert any("floor of the throughput" in text for text in problems) is not takes


def test_a_broken_run_elsewhere_still_blocks(line: Line) -> None:
    build = channel_table.publish_evidence(line, (L4,))
    record = channel_table.make_record(build, H100)
    suites = tuple(
        replace(each, verdict=Verdict.FAIL, reason="it failed") if each.suite == "ddp" else each
        for each in record.suites
    )
    failed = replace(record, suites=suites, verdict=Verdict.FAIL, reason="ddp: it failed")
    late = replace(failed, started_at="2026-11-20T20:00:00+00:00")
    line.evidence_signer.attest_tests(build, late)
    decision = channel_table.decide(line, build, "production")
    assert decision.verdict is Verdict.FAIL
    assert "on 1 x NVIDIA H100 80GB HBM3 failed" in " ".join(decision.reason_lines)


# Wherever the tag is shown


def test_the_signed_test_result_of_a_real_run_says_levels_and_gpus(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One H200 with line 2.11: what the statement would say of it."""
    judge_by_checks_of(recorded(), monkeypatch)
    record = replace(recorded(), digest=f"sha256:{'1' * 64}")
    where = replace(record.environment, families=("Hopper",))
    statement = test_result.make_statement(replace(record, environment=where), ("base",), "name")
    claim = test_result.read_test_result(statement)
    assert claim.gpus == (test_result.GpuCount("NVIDIA H200", 1, "Hopper"),)
    assert (claim.levels, claim.driver) == (LEVELS[:2], "580.159.04")
    needs = {suite.name: suite.needs_gpus for suite in claim.suites if suite.needs_gpus}
    assert needs == {"ddp": 2}
    old = test_result.make_claim(record, ("base",))
    assert old.gpus == (test_result.GpuCount("NVIDIA H200", 1, ""),), "a record without families"


def test_one_gpu_releases_to_production_and_verify_says_what_was_not_tested(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    build = channel_table.publish_evidence(line, (L4,))
    promoted = line.promote(build, FIRST)
    assert "base: proof: gradient sync proven with NCCL on one NVIDIA L4" in capsys.readouterr().err
    assert (promoted.channel, promoted.verdict) == ("production", Verdict.PASS)
    shown = line.verify("v2.6.0")
    assert shown.verdict is Verdict.PASS, shown.reasons
    (said,) = [each for each in shown.lines if each.startswith("proof: ")]
    assert said == (
        "proof: gradient sync proven with NCCL on one NVIDIA L4 over sockets; transport between "
        "GPUs: not tested; transport between machines: not tested; floor of NVIDIA L4: provisional"
    )
