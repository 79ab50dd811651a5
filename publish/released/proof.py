"""Say in words what the signed test results of an image prove together, by the registry alone."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence

from oci.registry import Registry
from publish.evidence import store as evidence
from publish.evidence.predicates import TEST_RESULT, test_result
from publish.evidence.predicates.test_result import TestClaim
from publish.evidence.store import FoundEvidence
from publish.evidence.trust import Trusted
from publish.policy.proof import describe_runs, list_machine
from runner.errors import GateRefused
from runner.untrusted import clean_line

MAX_PROOF_CHARACTERS = 500
"""Characters of the line: a signed statement can name any number of GPUs."""


def describe_evidence(found: Sequence[FoundEvidence], counted: Collection[str] = ()) -> str:
    """Return what the newest trusted run on each machine proves, in one line.

    `counted` are the artifacts that a decision was made from; empty for all. The line is empty if
    no run can be read.
    """
    newest: dict[tuple[tuple[str, int], ...], tuple[str, TestClaim]] = {}
    for each in found:
        is_wanted = not counted or each.artifact in counted
        if each.statement is None or each.problem or each.predicate_type != TEST_RESULT:
            continue
        with contextlib.suppress(GateRefused):
            tested = test_result.read_test_result(each.statement)
            machine = list_machine(tested)
            if is_wanted and tested.finished_at >= newest.get(machine, ("",))[0]:
                newest[machine] = (tested.finished_at, tested)
    runs = [tested for _, tested in newest.values()]
    return clean_line(describe_runs(runs), MAX_PROOF_CHARACTERS) if runs else ""


def read_proof(registry: Registry, repository: str, digest: str, trusted: Trusted) -> str:
    """Return what the trusted test results about a digest prove, in one line."""
    found = evidence.read_evidence(registry, repository, digest, trusted, TEST_RESULT)
    return describe_evidence(found)
