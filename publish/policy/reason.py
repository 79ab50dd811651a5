"""The reasons why a release is refused, or why one is due.

The gate, the release kinds and the schedule use the same class. A reason is data; it becomes
text only where it is shown or recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from runner.nouns import count_noun
from runner.reason_cause import ReasonCause
from runner.verdict import Verdict


@dataclass(frozen=True)
class Reason:
    """One reason.

    `image` names the image, or several images separated by commas; it is empty if the reason is
    about the whole release or line. `evidence` is the title of a kind of evidence, or empty.
    `verdict` is `not run` or `inconclusive` if something is not proven, and `fail` if it is wrong.
    `text` is a sentence without a full stop. `cause` is for code, which never reads the text.
    `suites` are the suites that are not complete for this reason.
    """

    image: str
    evidence: str
    verdict: Verdict
    text: str
    cause: ReasonCause = ReasonCause.UNKNOWN
    suites: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return one line for people: `cv: test result: suite ddp is missing`."""
        text = self.text
        if self.suites:
            count = count_noun(len(self.suites), "suite is", "suites are")
            text += f"; {count} not complete: {', '.join(self.suites)}"
        return ": ".join(filter(None, (self.image, self.evidence, text)))


class Problem(NamedTuple):
    """One thing that is wrong with a statement or a run; with the image it becomes a Reason."""

    verdict: Verdict
    text: str
    cause: ReasonCause = ReasonCause.UNKNOWN
    suites: tuple[str, ...] = ()


def merge_suites(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return the reasons with all suites that lack a GPU at the first reason with that cause.

    Without a GPU most suites are not complete. That is one reason, not one for each suite.
    """
    every = list(dict.fromkeys(reasons))
    lacking = [each for each in every if each.cause is ReasonCause.NO_GPU]
    suites = tuple(dict.fromkeys(name for each in lacking for name in each.suites))
    if not suites:
        return tuple(every)
    first = lacking[0]
    kept = [each for each in every if each is first or each not in lacking or not each.suites]
    return tuple(replace(each, suites=suites) if each is first else each for each in kept)


def group_images(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return every reason once, with all images and suites that it is about: `base, cv: ...`."""
    groups: dict[Reason, list[Reason]] = {}
    for reason in dict.fromkeys(reasons):
        groups.setdefault(replace(reason, image="", suites=()), []).append(reason)
    return tuple(
        replace(
            key,
            image=", ".join(dict.fromkeys(each.image for each in group)),
            suites=tuple(dict.fromkeys(name for each in group for name in each.suites)),
        )
        for key, group in groups.items()
    )
