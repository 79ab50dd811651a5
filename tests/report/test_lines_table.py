"""README's tables of the lines are those that the command writes."""

from __future__ import annotations

import pytest

from images import catalog
from report import lines_table
from scan.policy import load_line_exceptions


def test_the_tables_of_the_readme_are_up_to_date() -> None:
    text = lines_table.README.read_text()
    made = lines_table.replace_tables(text, catalog.load_catalog().lines, load_line_exceptions())
    assert made == text, "run: .venv/bin/python -m report.lines_table"


def test_every_status_of_every_line_is_a_row_with_its_day_and_reason() -> None:
    lines = catalog.load_catalog().lines
    text = lines_table.render_tables(lines, load_line_exceptions())
    for name, line in lines.items():
        for phase in line.support:
            assert f"| {name} | {phase.since} | {phase.status} | {phase.why} |" in text


def test_a_page_without_the_place_is_an_error() -> None:
    with pytest.raises(ValueError, match="no place for the tables"):
        lines_table.replace_tables("# Nothing\n", {}, ())
