"""The content of an image: its CycloneDX SBOM, as the predicate `cyclonedx.org/bom`."""

from __future__ import annotations

import hashlib
from typing import Any

from publish.evidence.predicates import SBOM, EvidenceKind, read_value, require_type
from publish.evidence.statement import Statement
from publish.evidence.strict_json import json_object
from runner.errors import ConfigError
from runner.nouns import count_noun
from scan import sbom
from scan.record import ScanRecord


def make_statement(record: ScanRecord, document: bytes, name: str) -> Statement:
    """Return the document of a scan as a statement.

    Raises ConfigError if it is another document than the scan judged.
    """
    judged = record.sbom.sha256 if record.sbom else "none"
    found = hashlib.sha256(document).hexdigest()
    if found != judged:
        raise ConfigError(
            (f"{record.version} {record.image}: the SBOM is {found}, and {judged} was judged"),
            f"run `./release.py scan {record.version}` again",
        )
    return Statement(record.digest, name, SBOM, json_object(document, "the SBOM"))


def read_sbom(statement: Statement) -> dict[str, Any]:
    """Return the CycloneDX document.

    Raises GateRefused if the statement is of another type, or the SBOM has no component.
    """
    require_type(statement, SBOM)
    read_value(dict[str, Any], statement, "components", 0)
    return dict(statement.predicate)


def summarize_statement(statement: Statement) -> str:
    """Return how many packages it lists, in one line."""
    return f"{count_noun(len(sbom.read_packages(read_sbom(statement))), 'package')}"


KIND = EvidenceKind(
    "SBOM", SBOM, ("metadata", "timestamp"), read_sbom, summarize_statement, is_required=True
)
