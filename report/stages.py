"""Functions that the views of all stages share."""

from __future__ import annotations

from collections.abc import Iterable

from report.model import Mark, StageView
from runner.verdict import Verdict, summary_verdict

NOT_REACHED = StageView(Mark(Verdict.NOT_RUN), "the stage was not reached", "")


def limit_verdict(claimed: Verdict, parts: Iterable[Verdict]) -> Verdict:
    """Return `claimed`, except that `pass` is replaced by the worst verdict of its parts.

    A `pass` without any part is not returned as `pass` either.
    """
    return summary_verdict(parts) if claimed is Verdict.PASS else claimed


def format_percent(percent: float) -> str:
    """Return a percentage for SVG and CSS; a hundredth of a percent is less than a pixel."""
    return f"{percent:.2f}"
