"""Keys and tokens that Trivy found in the layers of an image."""

from __future__ import annotations

from collections.abc import Iterator

from scan.documents import report_of
from scan.record import Problem

SECRET = "secret"  # noqa: S105 - the kind of a problem
CONFIGURATION = "the image's configuration"
"""Its history has every command that built a layer."""

WAY_OUT = (
    "revoke it: a layer that was pushed stays readable; then keep it out of the layer that "
    "brings it"
)


def problems(report: object) -> Iterator[Problem]:
    """Every secret of a Trivy report; what was matched is not repeated.

    Raises EnvironmentFailed.
    """
    read = report_of(report)
    for target in read.Results or ():
        for found in target.Secrets or ():
            file = CONFIGURATION if target.Target == read.ArtifactName else target.Target
            yield Problem(
                SECRET, f"{file}:{found.StartLine}", f"{found.Title} ({found.RuleID})", WAY_OUT
            )
