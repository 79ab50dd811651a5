"""The results of a suite that several nodes ran together, as one: a failure on any node counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runner.verdict import WORST_FIRST, Verdict
from validation.parts import merge_parts
from validation.record import Check, SuiteResult, ValidationRecord
from validation.run import ValidationTarget

OTHER_NODE = "other node"
"""The result that says why a node left none."""


def join_nodes(
    subject: ValidationTarget,
    own: ValidationRecord,
    others: Sequence[ValidationRecord],
    lacking: str = "",
) -> ValidationRecord:
    """Return the records of all nodes as one of the job of `own`; `lacking` says which has none.

    Of the look at the host, which each has, the worst counts.
    """
    nodes = (own, *others)
    names = {suite.name for suite in subject.suites if suite.nodes > 1}
    made = [{suite.suite for suite in each.suites} for each in nodes]
    if absent := sorted(name for name in names if not all(name in each for each in made)):
        lacking = lacking or f"a node did not run {', '.join(absent)}"
    rest = [
        replace(each, suites=tuple(suite for suite in each.suites if suite.suite not in names))
        for each in nodes
    ]
    joined = [
        join_suites([each for record in nodes for each in record.suites if each.suite == name])
        for name in sorted(names.intersection(set().union(*made)))
    ]
    if lacking:
        joined.append(SuiteResult(OTHER_NODE, Verdict.INFRA, lacking, 0.0, (), ""))
    rest[0] = replace(rest[0], suites=(*rest[0].suites, *joined))
    return replace(merge_parts(subject, rest), jobs=own.jobs)


def join_suites(results: Sequence[SuiteResult]) -> SuiteResult:
    """Return the results of one suite on several nodes as one: of each check the worst.

    Reasons begin with the name of the node.
    """
    named = [
        replace(
            result,
            checks=tuple(
                replace(each, reason=_add_node(each, result.node)) for each in result.checks
            ),
            reason=_add_node(result, result.node),
        )
        for result in results
    ]
    names = dict.fromkeys(check.name for result in named for check in result.checks)
    checks = tuple(
        min(
            (check for result in named for check in result.checks if check.name == name),
            key=_rank_verdict,
        )
        for name in names
    )
    return replace(
        min(named, key=_rank_verdict),
        checks=checks,
        seconds=max(result.seconds for result in named),
        node=", ".join(result.node for result in named if result.node),
    )


def _add_node(result: Check | SuiteResult, node: str) -> str:
    """Return why a node did not pass; what did not run on any node has the same reason on each."""
    is_fault = result.verdict not in (Verdict.PASS, Verdict.NOT_RUN)
    return f"{node}: {result.reason}" if is_fault and node else result.reason


def _rank_verdict(result: Check | SuiteResult) -> int:
    return WORST_FIRST.index(result.verdict)
