"""Plant every defect in the real images and write the table of docs/defects.md: `make defects`.

    .venv/bin/python -m tests.defects.table [SUITE or words of a name ...]

With arguments, it plants the defects of these suites and names, and keeps the other rows. It exits
with 1 if a defect was not caught as it should be; such a defect gets no row of its own.
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
from validation.suite import EVERY_SUITE

PAGE = REPOSITORY / "docs" / "defects.md"
BEGIN, END = "<!-- defects: written by `make defects` -->\n", "<!-- end of defects -->\n"
SLOWER_BY = (5, 10, 30)
PENDING, NOT_RUN = "not planted by this command yet", Verdict.NOT_RUN
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


def main(chosen: Sequence[str]) -> int:
    """Plant the chosen defects, or all; judge each, and write the rows of what was caught."""
    started = time.monotonic()
    planted = [each for each in EVERY_DEFECT if not chosen or is_chosen(each, chosen)]
    slower = () if chosen else SLOWER_BY
    rows = [*map(_row, planted), *map(_slower_row, slower)]
    problems = [f"{row.defect}: {row.problem}" for row in rows if row.problem]
    for problem in problems:
        progress.say_line(f"missed: {problem}")
    minutes = (time.monotonic() - started) / 60
    write(rows, "in several runs" if chosen or problems else f"in {minutes:.0f} minutes")
    return 1 if problems else 0


def is_chosen(defect: Defect, chosen: Sequence[str]) -> bool:
    """Return whether a defect is of a suite, or has words in its name, that were chosen."""
    words = [each for each in chosen if each not in {suite.name for suite in EVERY_SUITE}]
    return defect.suite in chosen or any(each in defect.name for each in words)


def write(rows: Sequence[Row], how: str, page: Path = PAGE) -> None:
    """Replace the rows of these defects in the page, and remove those of defects that are gone.

    A defect that was missed is listed as one that was not planted yet.
    """
    text = page.read_text(encoding="utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    old = text.partition(BEGIN)[2].partition(END)[0].splitlines()
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in old if line[:2] == "| "}
    for row in rows:
        lines.pop(_cell(row.defect), None)
    lines |= {_cell(row.defect): format_row(row) for row in rows if not row.problem}
    for defect in EVERY_DEFECT:
        pending = Row(defect.name, f"{defect.suite}: {defect.caught[0][0]}", NOT_RUN, PENDING, "")
        lines.setdefault(_cell(defect.name), format_row(pending))
    names = [*(_cell(defect.name) for defect in EVERY_DEFECT), *map(_name_slower, SLOWER_BY)]
    order = [name for name in (*names, *(_cell(row.defect) for row in rows)) if name in lines]
    kept = [lines[name] for name in dict.fromkeys(order)]
    planted = sum(PENDING not in line for line in kept)
    rest = f" {len(kept) - planted} more were not planted by this command yet." * (
        planted < len(kept)
    )
    head = f"{planted} defects planted, {planted} caught, {how}.{rest}\n"
    columns = "| defect | caught by | verdict | message |\n|---|---|---|---|\n"
    whole = f"{head}\n{columns}{chr(10).join(kept)}\n"
    page.write_text(f"{before}{BEGIN}{whole}{END}{after}", encoding="utf-8")


def format_row(row: Row) -> str:
    """Return a row of a Markdown table."""
    return f"| {_cell(row.defect)} | {row.caught_by} | {row.verdict} | {_cell(row.message)} |"


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
    return Row(
        _name_slower(percent),
        REGRESSION,
        result.verdict,
        message,
        "" if caught else f"is {result.verdict}: {result.reason}",
    )


def _name_slower(percent: int) -> str:
    return f"throughput {percent} % slower (sleep in the step)"


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
    sys.exit(main(sys.argv[1:]))
