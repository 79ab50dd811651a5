"""Keys and tokens that Trivy found in the layers of an image."""

from __future__ import annotations

from collections.abc import Iterator

from scan.documents import parse_report
from scan.record import ScanProblem

SECRET = "secret"  # noqa: S105 - the kind of a problem
CONFIGURATION = "the image's configuration"
"""Trivy reports a secret of the configuration under the image's name."""

WAY_OUT = (
    "revoke it, since a pushed layer stays readable; then keep it out of the layer that brings it"
)


def find_secrets(report: object) -> Iterator[ScanProblem]:
    """Yield every secret of a Trivy report, without the text that was matched.

    Raises EnvironmentFailed if the report has another shape than expected.
    """
    read = parse_report(report)
    for target in read.Results or ():
        for found in target.Secrets or ():
            file = CONFIGURATION if target.Target == read.ArtifactName else target.Target
            yield ScanProblem(
                SECRET, f"{file}:{found.StartLine}", f"{found.Title} ({found.RuleID})", WAY_OUT
            )
