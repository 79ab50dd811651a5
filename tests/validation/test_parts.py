"""Parts that several jobs ran are one record, and parts that do not belong together say so."""

from __future__ import annotations

from dataclasses import replace

from runner.verdict import Verdict
from tests.publish.signed import build_record, suite, validation_record
from tests.validation.test_run import SUBJECT
from validation.parts import PARTS, merge_parts
from validation.record import ValidationRecord

L4 = "NVIDIA L4"


def part(*names: str, job: str, verdict: Verdict = Verdict.PASS, gpu: str = L4) -> ValidationRecord:
    results = [suite(name, verdict, "" if verdict is Verdict.PASS else "why") for name in names]
    record = validation_record(build_record(), *results, verdict=verdict, gpus=(gpu,))
    return replace(record, jobs=(job,), seconds=60.0)


def test_the_parts_are_in_the_order_of_one_machine() -> None:
    first = part("preflight", "ddp", "throughput", "floor", job="a/1")
    second = replace(part("preflight", "device", job="b/2"), started_at="2026-11-20T10:05:00+00:00")
    whole = merge_parts(SUBJECT, [first, second])
    assert [each.suite for each in whole.suites] == [
        "preflight", "device", "ddp", "throughput", "floor",
    ]  # fmt: skip
    assert (whole.verdict, whole.jobs, whole.seconds) == (Verdict.PASS, ("a/1", "b/2"), 360.0)


def test_of_a_result_that_each_part_has_the_worst_counts() -> None:
    good = part("preflight", "ddp", job="a/1")
    bad = part("preflight", "device", job="b/2", verdict=Verdict.INFRA)
    for parts in ([good, bad], [bad, good]):
        whole = merge_parts(SUBJECT, parts)
        assert whole.suites[0].verdict is Verdict.INFRA
        assert whole.verdict is Verdict.INFRA


def test_parts_on_other_gpus_or_of_other_suites_are_inconclusive() -> None:
    first = part("ddp", job="a/1")
    for other, words in (
        (part("device", job="b/2", gpu="NVIDIA H200"), "NVIDIA H200 and NVIDIA L4"),
        (replace(part("device", job="b/2"), key="0" * 64), "different checkouts"),
    ):
        whole = merge_parts(SUBJECT, [first, other])
        assert (whole.verdict, whole.suites[-1].suite) == (Verdict.INCONCLUSIVE, PARTS)
        assert words in whole.reason


def test_a_job_without_a_result_is_no_other_machine() -> None:
    missing = replace(part("device", job="b/2", gpu="none", verdict=Verdict.INFRA), jobs=())
    whole = merge_parts(SUBJECT, [part("ddp", job="a/1"), missing])
    assert PARTS not in {each.suite for each in whole.suites}
    assert whole.verdict is Verdict.INFRA
