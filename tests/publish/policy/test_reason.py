"""Reasons: data until they are shown, and each shown once."""

from __future__ import annotations

import pytest

from publish.policy.reason import Reason, group_images
from runner.verdict import Verdict

FAIL, NOT_RUN = Verdict.FAIL, Verdict.NOT_RUN


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        (Reason("cv", "SBOM", NOT_RUN, "missing"), "cv: SBOM: missing"),
        (Reason("cv", "", FAIL, "it was removed"), "cv: it was removed"),
        (
            Reason("", "", NOT_RUN, "the calendar has a release today"),
            "the calendar has a release today",
        ),
    ],
)
def test_a_reason_as_a_line(reason: Reason, line: str) -> None:
    assert str(reason) == line


def test_a_reason_of_several_images_is_given_once() -> None:
    reasons = [
        Reason("base", "SBOM", NOT_RUN, "missing"),
        Reason("base", "", FAIL, "missing"),
        Reason("cv", "SBOM", NOT_RUN, "missing"),
        Reason("base", "SBOM", NOT_RUN, "missing"),
    ]
    assert group_images(reasons) == (
        Reason("base, cv", "SBOM", NOT_RUN, "missing"),
        Reason("base", "", FAIL, "missing"),
    )
    assert group_images([]) == ()
