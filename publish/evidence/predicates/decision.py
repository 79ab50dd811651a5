"""The promotion decision, which says which tags a digest may carry: a predicate of our own.

It names the evidence it was made from by digest, so that a reader can judge again from the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from publish.evidence.predicates import DECISION, EvidenceKind, read_value, require_type
from publish.evidence.statement import Statement
from runner import records
from runner.verdict import Verdict

PRODUCTION, CANDIDATE = "production", "candidate"
"""Channels that are named in the code; the others are data."""


@dataclass(frozen=True)
class DecisionClaim:
    """The gate's decision on one digest.

    `reasons` are all reasons that refuse it, none if it may go. `tags` are those it may carry in
    `channel`, `kind` is patch, feature or major, `evidence` the digests of the artifacts that were
    counted, `policy` the SHA-256 of channels, scan policy and exceptions, one after the other.
    `decided_on` is ISO 8601.
    """

    version: str
    image: str
    channel: str
    kind: str
    verdict: Verdict
    reasons: tuple[str, ...]
    tags: tuple[str, ...]
    evidence: tuple[str, ...]
    policy: str
    decided_on: str


def make_statement(decided: DecisionClaim, digest: str, name: str) -> Statement:
    """Return the decision as a statement."""
    return Statement(digest, name, DECISION, records.to_plain(decided))


def read_decision(statement: Statement) -> DecisionClaim:
    """Return the decision. Raises GateRefused if the statement has another type or shape."""
    require_type(statement, DECISION)
    return read_value(DecisionClaim, statement)


def summarize_statement(statement: Statement) -> str:
    """Return what was decided, in one line."""
    return describe_decision(read_decision(statement))


def describe_decision(decided: DecisionClaim) -> str:
    """Return a decision in one line."""
    return (
        f"{decided.verdict} for {decided.channel} as a {decided.kind} release, on "
        f"{decided.decided_on.removesuffix('T00:00:00+00:00')}"
    )


KIND = EvidenceKind(
    "decision", DECISION, ("decided_on",), read_decision, summarize_statement, decides=True
)
