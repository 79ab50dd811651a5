"""The difference between two releases as files: JSON for programs, Markdown for people."""

from __future__ import annotations

import re
from pathlib import Path

from report.difference_view import DifferenceView, difference_view
from report.render import markdown_templates
from runner import records
from scan.difference import Difference

LIMIT = 125_000
"""Characters that GitHub accepts as the text of a release; a job summary may be longer."""

_CHARACTERS = 300
_ROWS = (1000, 200, 50, 10)


def render_difference(difference: Difference) -> str:
    """Return one sentence with counts and the size to pull, then a table for each kind of change.

    The text has at most LIMIT characters. Each table says how many rows were left out for that.
    """
    shown = difference_view(difference)
    texts = (_render_rows(shown, rows) for rows in _ROWS)
    return next((text for text in texts if len(text) <= LIMIT), None) or _render_rows(shown, 0)


def _render_rows(shown: DifferenceView, rows: int) -> str:
    text = (
        markdown_templates(_CHARACTERS)
        .get_template("difference.md.j2")
        .render(shown=shown, rows=rows)
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


def write_difference(folder: Path, difference: Difference) -> tuple[Path, Path]:
    """Write difference.json and difference.md into `folder` and return their paths.

    Raises EnvironmentFailed.
    """
    data, summary = folder / "difference.json", folder / "difference.md"
    records.write_record(data, difference)
    records.write_text(summary, render_difference(difference))
    return data, summary
