"""Findings with an exception, as an OpenVEX 0.2.0 document for other scanners."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from packageurl import PackageURL

from images.statement_names import read_own_name
from runner import records
from scan.policy import LineException, PolicyException
from scan.record import TriagedFinding, TriageStatus

FILE = "vex.openvex.json"
CONTEXT = "https://openvex.dev/ns/v0.2.0"


def write_vex(
    folder: Path,
    product: PackageURL,
    judged: Sequence[TriagedFinding],
    excuses: Sequence[PolicyException | LineException],
    today: datetime.date,
) -> None:
    """Write FILE into `folder`; no file if no finding has an exception.

    The same exceptions on one day are the same document. A document of OpenVEX needs at least one
    statement.
    """
    target = folder / FILE
    target.unlink(missing_ok=True)
    statements = [
        _make_statement(
            product.to_string(),
            each,
            next(one for one in excuses if one.covers_finding(each.finding)),
        )
        for each in judged
        if each.standing is TriageStatus.EXCUSED
    ]
    if statements:
        document = {
            "@context": CONTEXT,
            "@id": f"{read_own_name()}/vex/{product.version}/{today}",
            "author": read_own_name(),
            "timestamp": f"{today}T00:00:00+00:00",
            "version": 1,
            "statements": statements,
        }
        records.write_record(target, document)


def name_product(released: str, digest: str) -> PackageURL:
    """Return what the document is about: a digest of the image HOST/REPOSITORY of production.

    Scanners compare it with what they scan. Without a host, a copy in a mirror is the same product.
    """
    return PackageURL("oci", None, released.rpartition("/")[2], digest)


def _make_statement(
    product: str, judged: TriagedFinding, excuse: PolicyException | LineException
) -> dict[str, Any]:
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
