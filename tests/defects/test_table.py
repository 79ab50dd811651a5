"""docs/defects.md lists every defect, and the command that writes it does not hide a miss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from runner.verdict import Verdict
from tests.defects import table
from tests.defects.every import EVERY_DEFECT
from tests.defects.table import Row

ROW = Row("a rank | that hangs", "ddp: gloo", Verdict.FAIL, "rank 1\nhung " + 300 * "x", "")


def test_the_page_has_every_defect_and_no_other() -> None:
    text = table.PAGE.read_text(encoding="utf-8").partition(table.BEGIN)[2].partition(table.END)[0]
    listed = [
        line.split(" | ")[0].removeprefix("| ")
        for line in text.splitlines()
        if line.startswith("| ")
    ][1:]
    assert listed[: len(EVERY_DEFECT)] == [defect.name for defect in EVERY_DEFECT]
    assert len(listed) == len(EVERY_DEFECT) + len(table.SLOWER_BY)
    assert len(listed) >= 30


def test_only_the_table_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}old\n{table.END}after\n")
    table.write([ROW], "in 2 minutes", page)
    text = page.read_text()
    rest = f" {len(EVERY_DEFECT)} more were not planted by this command yet."
    said = f"1 defects planted, 1 caught, in 2 minutes.{rest}\n"
    assert text.startswith(f"before\n{table.BEGIN}{said}")
    assert text.endswith(f"{table.END}after\n")
    assert "\nold\n" not in text
    table.write([ROW], "in 2 minutes", page)
    assert page.read_text() == text


def test_a_run_of_some_keeps_the_rows_of_the_others(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{table.BEGIN}{table.END}")
    first, second = EVERY_DEFECT[:2]
    rows = [replace(ROW, defect=each.name) for each in (second, first)]
    for row in rows:
        table.write([row], "in several runs", page)
    changed = replace(rows[0], message="another")
    table.write([changed], "in several runs", page)
    lines = page.read_text().splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("|---"))
    assert lines[head + 1 : head + 3] == [table.format_row(rows[1]), table.format_row(changed)]
    assert table.PENDING in lines[head + 3]


def test_a_missed_defect_has_no_row_that_says_it_was_caught(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{table.BEGIN}{table.END}")
    row = replace(ROW, defect=EVERY_DEFECT[0].name)
    table.write([row], "in several runs", page)
    table.write([replace(row, problem="is pass")], "in several runs", page)
    text = page.read_text()
    assert text.count(f"| {table.PENDING} |") == len(EVERY_DEFECT)
    assert f"0 defects planted, 0 caught, in several runs. {len(EVERY_DEFECT)} more" in text


def test_suites_and_words_choose_defects() -> None:
    (first, *_) = EVERY_DEFECT
    assert table.is_chosen(first, [first.suite])
    assert table.is_chosen(first, ["x", first.name[3:12]])
    assert not table.is_chosen(first, ["no such words"])


def test_a_row_stays_a_row() -> None:
    line = table.format_row(ROW)
    assert line.count(" | ") == 3
    assert "\\|" in line
    assert len(line) < 400
