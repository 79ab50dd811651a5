"""The verdicts of checks, suites, images and releases."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """A verdict, from best to worst. Only `pass` lets an image into production.

    `infra` is a fault of the machine (driver, throttling, disk, engine). `flaky` is a check that
    failed and passed when it was repeated. `not run` is never `pass`.
    """

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    NOT_RUN = "not run"
    INCONCLUSIVE = "inconclusive"
    INFRA = "infra"
    FLAKY = "flaky"
    FAIL = "fail"


WORST_FIRST = tuple(reversed(Verdict))


def worst_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst verdict: fail, flaky, infra, inconclusive, not run, pass.

    Nothing judged is `not run`.
    """
    return min(verdicts, key=WORST_FIRST.index, default=Verdict.NOT_RUN)


def summary_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of all that was done.

    As `worst_verdict`, but a part that was not run makes the whole `inconclusive`.
    """
    found = worst_verdict(verdicts)
    return Verdict.INCONCLUSIVE if found is Verdict.NOT_RUN else found
