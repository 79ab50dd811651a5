"""The tables of docs/peers.md, from the results of a run of benchmarks/peers.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.home import REPOSITORY
from tests.defects.defect import Defect

PAGE = REPOSITORY / "docs" / "peers.md"
BEGIN = "<!-- result: written by `benchmarks/peers.py` -->\n"
END = "<!-- end of the result -->\n"

OURS, CLEAN = "ours", "clean "

Results = dict[str, dict[str, list[str]]]
"""For each defect, and each clean image: who ran, and the tests that failed."""

CELL = 90
"""Characters of the tests in a cell."""


def write_page(text: str, page: Path = PAGE) -> None:
    """Replace the result in the page."""
    whole = page.read_text(encoding="utf-8")
    before, after = whole.partition(BEGIN)[0], whole.partition(END)[2]
    page.write_text(f"{before}{BEGIN}{text}\n{END}{after}", encoding="utf-8")


def write_tables(sample: Sequence[Defect], peers: Sequence[str], results: Results) -> str:
    """Return the sums, who catches which defect, and what fails on the clean images."""
    names = (*peers, OURS)
    rows = [(defect, results[defect.name]) for defect in sample if defect.name in results]
    sums = [f"{name} {sum(bool(row[name]) for _, row in rows)}" for name in names]
    lines = [
        f"{len(rows)} of the {len(sample)} broken images were tested, caught by: "
        f"{', '.join(sums)}.",
        "",
    ]
    lines += [f"| suite | defect | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    lines += [
        f"| {defect.suite} | {defect.name} | "
        + " | ".join(show_tests(row[name]) for name in names)
        + " |"
        for defect, row in rows
    ]
    missed = [f"- {defect.name}: {row['problem'][0]}" for defect, row in rows if "problem" in row]
    if missed:
        lines += ["", "Not caught by ours as they should be:", "", *missed]
    return "\n".join([*lines, "", *_clean_lines(peers, results)])


def _clean_lines(peers: Sequence[str], results: Results) -> list[str]:
    images = {name: row for name, row in results.items() if name.startswith(CLEAN)}
    lines = [
        f"| clean image | {' | '.join((*peers, OURS))} |",
        "|---|" + "---|" * (len(peers) + 1),
    ]
    for name, row in images.items():
        failed = [str(len(row[peer])) for peer in peers]
        suites = [tests for each, tests in row.items() if each.startswith(OURS)]
        counted = f"{sum(map(bool, suites))} of {len(suites)} suites"
        failed.append(counted if suites else "not run")
        lines.append(f"| {name.removeprefix(CLEAN)} | {' | '.join(failed)} |")
    return lines


def show_tests(tests: Sequence[str]) -> str:
    """Return the cell of the tests that failed: one line of bounded length."""
    if not tests:
        return "-"
    text = " ".join(", ".join(tests).split()).replace("|", "\\|").replace("<", "&lt;")
    return text if len(text) <= CELL else f"{text[: CELL - 1]}…"
