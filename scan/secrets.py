"""Keys and tokens that Trivy found in the layers of an image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scan.record import Problem

SECRET = "secret"  # noqa: S105 - the kind of a problem
CONFIGURATION = "the image's configuration"
"""Its history has every command that built a layer."""

WAY_OUT = "revoke it: a layer that was pushed stays readable; then keep it out of the layer that brings it"


def problems(report: dict[str, Any]) -> Iterator[Problem]:
    """Every secret of a Trivy report; what was matched is not repeated."""
    for target in report.get("Results") or ():
        for found in target.get("Secrets") or ():
            file = CONFIGURATION if target["Target"] == report.get("ArtifactName") else target["Target"]
            where = f"{file}:{found['StartLine']}"
            yield Problem(SECRET, where, f"{found['Title']} ({found['RuleID']})", WAY_OUT)
