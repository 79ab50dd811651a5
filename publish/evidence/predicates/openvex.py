"""The exceptions to an image's findings, as the predicate `openvex.dev/ns`: for other scanners.

Trivy (`--vex oci`) and others find it as a referrer of the image, and leave out the findings that
do not affect it. Nothing is decided from it here.
"""

from __future__ import annotations

from typing import Any

from publish.evidence.predicates import OPENVEX, EvidenceKind, read_value, require_type
from publish.evidence.statement import Statement
from publish.evidence.strict_json import json_object
from runner.nouns import count_noun


def make_statement(document: bytes, digest: str, name: str) -> Statement:
    """Return the OpenVEX document of a scan as a statement."""
    return Statement(digest, name, OPENVEX, json_object(document, "the OpenVEX document"))


def read_exceptions(statement: Statement) -> dict[str, Any]:
    """Return the document.

    Raises GateRefused if the statement is of another type, or the document states nothing.
    """
    require_type(statement, OPENVEX)
    read_value(dict[str, Any], statement, "statements", 0)
    return dict(statement.predicate)


def summarize_statement(statement: Statement) -> str:
    """Return how many findings it is about, in one line."""
    return count_noun(len(read_exceptions(statement)["statements"]), "exception")


KIND = EvidenceKind("OpenVEX", OPENVEX, ("timestamp",), read_exceptions, summarize_statement)
