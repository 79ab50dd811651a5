"""The reasons why a release is refused, or why one is due.

The gate, the kinds of releases and the schedule use the same class. A reason is data; it becomes
text only where it is shown or recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from runner.verdict import Verdict


@dataclass(frozen=True)
class Reason:
    """One reason.

    `image` names the image, or several images separated by commas; it is empty if the reason is
    about the whole release or line. `evidence` is the title of a kind of evidence, or empty.
    `verdict` is `not run` or `inconclusive` if something is not proven, and `fail` if it is wrong.
    `text` is a sentence without a full stop.
    """

    image: str
    evidence: str
    verdict: Verdict
    text: str

    def __str__(self) -> str:
        """Return one line for people: `cv: test result: suite ddp is missing`."""
        return ": ".join(filter(None, (self.image, self.evidence, self.text)))


def group_images(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return every reason once, with all images that it is about: `base, cv: ...`."""
    images: dict[Reason, list[str]] = {}
    for reason in dict.fromkeys(reasons):
        images.setdefault(replace(reason, image=""), []).append(reason.image)
    return tuple(replace(reason, image=", ".join(names)) for reason, names in images.items())
