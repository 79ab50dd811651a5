"""Every type of evidence.

A new predicate is one module in publish/evidence/predicates/ and one entry here.
"""

from __future__ import annotations

from publish.evidence.predicates import (
    EvidenceKind,
    cyclonedx,
    decision,
    openvex,
    provenance,
    test_part,
    test_result,
    value_at,
    vulnerability,
    yank,
)
from publish.evidence.statement import Statement
from runner.errors import GateRefused
from runner.moments import parse_moment

KINDS = (
    provenance.KIND,
    test_result.KIND,
    test_part.KIND,
    cyclonedx.KIND,
    vulnerability.KIND,
    openvex.KIND,
    decision.KIND,
    yank.KIND,
)
REQUIRED = tuple(kind for kind in KINDS if kind.is_required)

_BY_TYPE = {kind.predicate_type: kind for kind in KINDS}


def find_kind(predicate_type: str) -> EvidenceKind | None:
    """Return the kind of a predicate type; None if it is none of ours."""
    return _BY_TYPE.get(predicate_type)


def read_date(statement: Statement) -> str:
    """Return when what a statement says was found (ISO 8601, with its zone), or nothing.

    The date is signed. The annotation of the artifact is not: whoever may write to the registry
    could make old evidence new.
    """
    kind = find_kind(statement.predicate_type)
    try:
        found = value_at(statement, *kind.date) if kind else ""
        parse_moment(found, zoned=True)
    except (GateRefused, ValueError):
        return ""
    return str(found)
