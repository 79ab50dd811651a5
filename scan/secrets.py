"""Keys and tokens that Trivy found in the layers of an image."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from scan.documents import parse_report
from scan.record import ScanProblem

SECRET = "secret"  # noqa: S105 - the kind of a problem
CONFIGURATION = "the image's configuration"
"""Trivy reports a secret of the configuration under the image's name."""

WAY_OUT = (
    "revoke it, since a pushed layer stays readable; then keep it out of the layer that brings it"
)


def find_secrets(report: object, locked: Collection[str] = ()) -> Iterator[ScanProblem]:
    """Yield every secret of a Trivy report, without the text that was matched.

    Layers with a digest of `locked` are left out. They are made of published wheels alone, which
    everybody can read: passwords in examples and keys of tests. Raises EnvironmentFailed if the
    report has another shape than expected.
    """
    read = parse_report(report)
    for target in read.Results or ():
        for found in target.Secrets or ():
            layer = found.Layer.Digest
            if layer in locked:
                continue
            file = CONFIGURATION if target.Target == read.ArtifactName else target.Target
            where = f" in layer {layer.removeprefix('sha256:'):.12}" if layer else ""
            what = f"{found.Title} ({found.RuleID}){where}"
            yield ScanProblem(SECRET, f"{file}:{found.StartLine}", what, WAY_OUT)
