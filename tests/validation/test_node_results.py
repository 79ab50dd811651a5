"""What two nodes found is one result: the worst of each check, and no node may be missing."""

from __future__ import annotations

from dataclasses import replace

from runner.verdict import Verdict, worst_verdict
from tests.publish.signed import build_record, suite, validation_record
from tests.validation.test_run import SUBJECT
from validation.node_results import OTHER_NODE, join_nodes
from validation.parts import PARTS
from validation.record import Check, SuiteResult, ValidationRecord

MULTINODE = replace(SUBJECT, only=("multinode",))
PASS, FAIL, INFRA, NOT_RUN = Verdict.PASS, Verdict.FAIL, Verdict.INFRA, Verdict.NOT_RUN


def found_on(node: str, job: str, gpu: str = "NVIDIA L4", **verdicts: Verdict) -> ValidationRecord:
    """What a node found: a check of each name, and the look at the host."""
    checks = tuple(
        Check(name, verdict, "" if verdict is PASS else f"{name} of {node}", 1.0, (), "why")
        for name, verdict in verdicts.items()
    )
    worst = next(
        check for check in checks if check.verdict is worst_verdict(each.verdict for each in checks)
    )
    both = (
        suite("preflight"),
        SuiteResult("multinode", worst.verdict, worst.reason, 9.0, checks, "", node=node),
    )
    record = validation_record(build_record(), *both, verdict=worst.verdict, gpus=(gpu,))
    return replace(record, jobs=(job,), seconds=60.0)


def joined(*records: ValidationRecord, lacking: str = "") -> tuple[ValidationRecord, SuiteResult]:
    whole = join_nodes(MULTINODE, records[0], records[1:], lacking)
    assert whole.jobs == ("a/7",)
    (result,) = [each for each in whole.suites if each.suite == "multinode"]
    return whole, result


def test_both_pass() -> None:
    whole, result = joined(found_on("n1", "a/7", one=PASS), found_on("n2", "a.1/7", one=PASS))
    assert (whole.verdict, result.verdict, result.node) == (PASS, PASS, "n1, n2")
    assert [each.suite for each in whole.suites] == ["preflight", "multinode"]


def test_a_failure_of_either_node_fails_its_check() -> None:
    good = {"one": PASS, "two": PASS}
    bad = {"one": PASS, "two": FAIL}
    for first, second, name in ((good, bad, "n2"), (bad, good, "n1")):
        whole, result = joined(found_on("n1", "a/7", **first), found_on("n2", "a.1/7", **second))
        assert (whole.verdict, result.verdict) == (FAIL, FAIL)
        assert [each.verdict for each in result.checks] == [PASS, FAIL]
        assert result.checks[1].reason == result.reason == f"{name}: two of {name}"
        assert whole.reason == f"multinode: {name}: two of {name}"


def test_what_ran_on_no_node_keeps_its_reason() -> None:
    nothing = found_on("n1", "a/7", one=PASS, nccl=NOT_RUN)
    whole, result = joined(nothing, nothing)
    assert result.checks[1].reason == "nccl of n1"
    assert (whole.verdict, result.verdict) == (Verdict.INCONCLUSIVE, NOT_RUN)


def test_a_check_of_one_node_alone_is_kept() -> None:
    dead = found_on("n2", "a.1/7", one=FAIL)
    _, result = joined(found_on("n1", "a/7", one=PASS, two=INFRA), dead)
    assert [(each.name, each.verdict) for each in result.checks] == [("one", FAIL), ("two", INFRA)]


def test_a_node_without_a_result_is_infra_though_the_other_passed() -> None:
    whole, result = joined(found_on("n1", "a/7", one=PASS), lacking="nothing of it is there")
    assert (whole.verdict, result.verdict) == (INFRA, PASS)
    assert whole.reason == f"{OTHER_NODE}: nothing of it is there"


def test_a_node_that_did_not_run_the_suite_is_infra_too() -> None:
    ran = found_on("n1", "a/7", one=PASS)
    did_not = replace(ran, jobs=("a.1/7",), suites=ran.suites[:1])
    whole, result = joined(ran, did_not)
    assert (whole.verdict, result.verdict) == (INFRA, PASS)
    assert whole.reason == f"{OTHER_NODE}: a node did not run multinode"
    neither = join_nodes(MULTINODE, replace(did_not, jobs=("a/7",)), [did_not])
    assert neither.verdict is INFRA


def test_nodes_with_other_gpus_are_inconclusive() -> None:
    other = found_on("n2", "a.1/7", gpu="NVIDIA H200", one=PASS)
    whole, _ = joined(found_on("n1", "a/7", one=PASS), other)
    assert whole.verdict is Verdict.INCONCLUSIVE
    assert whole.suites[-1].suite == PARTS
