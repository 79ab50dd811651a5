"""The result of some of an image's suites: a predicate of our own, with a test result's fields.

A job of a cluster may run a part of the suites. No channel takes a part for a test run, whoever
signed it: a test result is made of all parts together, and names them.
"""

from __future__ import annotations

from dataclasses import replace

from publish.evidence.predicates import (
    TEST_PART,
    EvidenceKind,
    read_value,
    require_type,
    test_result,
)
from publish.evidence.predicates.test_result import TestClaim
from publish.evidence.statement import Statement
from runner.nouns import count_noun
from validation.record import ValidationRecord


def make_statement(record: ValidationRecord, name: str) -> Statement:
    """Return the record of a part as a statement. It requires no suite: others have the rest."""
    whole = test_result.make_statement(record, (), name)
    return replace(whole, predicate_type=TEST_PART)


def read_test_part(statement: Statement) -> TestClaim:
    """Return the part. Raises GateRefused if the statement has another type or shape."""
    require_type(statement, TEST_PART)
    return read_value(TestClaim, statement, "configuration", 0, "annotations")


def summarize_statement(statement: Statement) -> str:
    """Return the verdict, the number of suites, and the job, in one line."""
    part = read_test_part(statement)
    suites = count_noun(len(part.suites), "suite")
    return f"{part.verdict}, {suites}, job {', '.join(part.jobs) or 'not known'}"


KIND = EvidenceKind(
    "part of a test",
    TEST_PART,
    ("configuration", 0, "annotations", "finished_at"),
    read_test_part,
    summarize_statement,
)
