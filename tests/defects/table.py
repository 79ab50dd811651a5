"""Plant every defect in the real images and write the table of docs/defects.md: `make defects`.

Exits with 1, and writes nothing, if a defect was not caught as it should be.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from images.catalog import BASE
from runner import progress, pull
from runner.home import REPOSITORY
from runner.verdict import Verdict
from tests.defects.defect import Defect, image_of, missed, run
from tests.defects.every import EVERY_DEFECT
from tests.defects.slower import compared
from tests.real_images import reference_of
from tests.validation.suites_here import asserted
from validation import harness
from validation.executors import Setup
from validation.record import SuiteResult
from validation.regression import NAME as REGRESSION

PAGE = REPOSITORY / "docs" / "defects.md"
BEGIN, END = "<!-- defects: written by `make defects` -->\n", "<!-- end of defects -->\n"
SLOWER_BY = (5, 10, 30)
WIDTH = 260
"""Characters of a message in the table."""


@dataclass(frozen=True)
class Row:
    """A defect and the first check that caught it; `problem` says why it counts as missed."""

    defect: str
    caught_by: str
    verdict: Verdict
    message: str
    problem: str


def main() -> int:
    """Plant all defects, judge each, and write the table if none was missed."""
    started = time.monotonic()
    rows = [*map(_row, EVERY_DEFECT), *map(_slower_row, SLOWER_BY)]
    problems = [f"{row.defect}: {row.problem}" for row in rows if row.problem]
    for problem in problems:
        progress.say_line(f"missed: {problem}")
    if not problems:
        write(rows, time.monotonic() - started)
    return 1 if problems else 0


def write(rows: Sequence[Row], seconds: float, page: Path = PAGE) -> None:
    """Replace the table in the page."""
    text = page.read_text(encoding="utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    page.write_text(f"{before}{BEGIN}{table(rows, seconds)}{END}{after}", encoding="utf-8")


def table(rows: Sequence[Row], seconds: float) -> str:
    """Return a summary line and a Markdown table."""
    lines = [
        f"| {_cell(row.defect)} | {row.caught_by} | {row.verdict} | {_cell(row.message)} |"
        for row in rows
    ]
    head = (
        f"{len(rows)} defects planted, {sum(not row.problem for row in rows)} caught, in "
        f"{seconds / 60:.0f} minutes.\n"
    )
    columns = "| defect | caught by | verdict | message |\n|---|---|---|---|\n"
    return f"{head}\n{columns}{chr(10).join(lines)}\n"


def _row(defect: Defect) -> Row:
    progress.say_line(f"{defect.suite}: {defect.name}")
    result = run(defect, _reference(image_of(defect)), harness.install_harness())
    problem = missed(defect, result)
    progress.say_line(f"  {result.verdict}, {result.seconds:.0f} s: {result.reason}")
    check, message = _said(defect, result)
    return Row(
        defect.name,
        f"{defect.suite}: {check}" if check else defect.suite,
        result.verdict,
        message,
        problem,
    )


def _slower_row(percent: int) -> Row:
    """Return the row of a slower image, which the regression gate must not let pass."""
    progress.say_line(f"regression: {percent} % slower")
    clean = Setup(_reference(BASE), harness.install_harness(), asserted(BASE))
    result = compared(clean, percent)
    progress.say_line(f"  {result.verdict}, {result.seconds:.0f} s: {result.reason}")
    caught = result.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE) and bool(result.checks)
    message = f"{result.reason}; {result.cause}"
    name = f"throughput {percent} % slower (sleep in the step)"
    return Row(
        name,
        REGRESSION,
        result.verdict,
        message,
        "" if caught else f"is {result.verdict}: {result.reason}",
    )


def _said(defect: Defect, result: SuiteResult) -> tuple[str, str]:
    """Return the first check that must catch the defect, and its reason with the likely cause."""
    name = defect.caught[0][0]
    found = next((check for check in result.checks if check.name == name), None)
    reason, cause = (found.reason, found.cause) if found else (result.reason, result.cause)
    return name, f"{reason}; {cause}" if cause else reason


@cache
def _reference(image: str) -> str:
    reference = reference_of(image)
    pull.pull_image(reference)
    return reference


def _cell(text: str) -> str:
    """Return `text` as one line of bounded length without column separators."""
    line = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"


if __name__ == "__main__":
    sys.exit(main())
