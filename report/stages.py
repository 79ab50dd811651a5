"""What the views of every stage share."""

from __future__ import annotations

from collections.abc import Iterable

from report.model import Mark, StageView
from runner.verdict import Verdict, summary

NOT_REACHED = StageView(Mark(Verdict.NOT_RUN), "the stage was not reached", "")


def supported(claimed: Verdict, parts: Iterable[Verdict]) -> Verdict:
    """`claimed`, but `pass` only as far as the parts under it bear it out: all of them pass, and
    there are some.
    """
    return summary(parts) if claimed is Verdict.PASS else claimed


def points(percent: float) -> str:
    """Percent for SVG and CSS: a hundredth is finer than a pixel."""
    return f"{percent:.2f}"
