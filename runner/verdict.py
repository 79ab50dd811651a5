"""The words a check, a suite, an image and a release are judged with."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """From best to worst. `not run` is never `pass`, and only `pass` lets an image into production.

    `infra` is the runner's fault (driver, throttling, disk, engine), `flaky` a check that failed
    and passed on retry.
    """

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    NOT_RUN = "not run"
    INCONCLUSIVE = "inconclusive"
    INFRA = "infra"
    FLAKY = "flaky"
    FAIL = "fail"


WORST_FIRST = tuple(reversed(Verdict))


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst counts: fail, flaky, infra, inconclusive, not run, pass.

    Nothing judged is `not run`.
    """
    return min(verdicts, key=WORST_FIRST.index, default=Verdict.NOT_RUN)


def summary(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of what was done: as `worst`, but a part that was not run leaves the whole
    `inconclusive`.
    """
    found = worst(verdicts)
    return Verdict.INCONCLUSIVE if found is Verdict.NOT_RUN else found
