"""Findings with an exception, as an OpenVEX 0.2.0 document for other scanners."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from packageurl import PackageURL

from images.record import BuildRecord
from runner import records
from scan.policy import LineException, PolicyException
from scan.record import TriagedFinding, TriageStatus

FILE = "vex.openvex.json"
CONTEXT = "https://openvex.dev/ns/v0.2.0"
AUTHOR = "pytorch-cuda-images"


def write_vex(
    folder: Path,
    build: BuildRecord,
    judged: Sequence[TriagedFinding],
    excuses: Sequence[PolicyException | LineException],
    now: str,
) -> None:
    """Write FILE into `folder`; no file if no finding has an exception.

    `now` is ISO 8601. A document of OpenVEX needs at least one statement.
    """
    target = folder / FILE
    target.unlink(missing_ok=True)
    statements = [
        _make_statement(
            build, each, next(one for one in excuses if one.covers_finding(each.finding))
        )
        for each in judged
        if each.standing is TriageStatus.EXCUSED
    ]
    if statements:
        records.write_record(target, _make_document(build, statements, now))


def _make_document(
    build: BuildRecord, statements: list[dict[str, Any]], now: str
) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "@id": f"urn:{AUTHOR}:vex:{build.digest}",
        "author": AUTHOR,
        "timestamp": now,
        "version": 1,
        "statements": statements,
    }


def _make_statement(
    build: BuildRecord, judged: TriagedFinding, excuse: PolicyException | LineException
) -> dict[str, Any]:
    product = PackageURL("oci", None, build.repository.rpartition("/")[2], build.digest).to_string()
    status, reason = "affected", {"action_statement": excuse.reason}
    if isinstance(excuse, LineException):
        reason = {"action_statement": excuse.mitigation}
    elif excuse.justification:
        status, reason = excuse.status, {"justification": excuse.justification}
    return {
        "vulnerability": {"name": judged.finding.id},
        "products": [{"@id": product, "subcomponents": [{"@id": judged.finding.purl}]}],
        "status": status,
        **reason,
        "status_notes": f"{excuse.reason}; {excuse.owner}, until {excuse.expires}",
    }
