"""Why a release is refused, or why one is due.

The gate, the kinds of releases and the schedule share one class. A reason is kept as data. It
becomes text only where it is shown or recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from runner.verdict import Verdict


@dataclass(frozen=True)
class Reason:
    """One reason.

    `image` is what it is about, or several images with commas between; empty if it is about the
    whole release or line. `evidence` is the title of the kind of evidence, empty if it is about
    none. `verdict` says how bad it is: not proven (`not run`, `inconclusive`) or proven wrong
    (`fail`). `text` is a sentence without a full stop.
    """

    image: str
    evidence: str
    verdict: Verdict
    text: str

    def __str__(self) -> str:
        """One line, for people: `cv: test result: suite ddp is missing`."""
        return ": ".join(filter(None, (self.image, self.evidence, self.text)))


def group_images(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return every reason once, with all the images that it is about: `base, cv: ...`."""
    images: dict[Reason, list[str]] = {}
    for reason in dict.fromkeys(reasons):
        images.setdefault(replace(reason, image=""), []).append(reason.image)
    return tuple(replace(reason, image=", ".join(names)) for reason, names in images.items())
