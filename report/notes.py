"""Release notes in Markdown for a GitHub release; the same records give the same bytes."""

from __future__ import annotations

import re
from pathlib import Path

from report.difference_page import LIMIT
from report.notes_model import ImageNotes, Notes
from report.notes_view import notes_view
from report.render import markdown_templates
from runner import records

__all__ = ["LIMIT", "ImageNotes", "Notes", "render_notes", "summarize_release", "write_notes"]

FILE = "notes.md"

_CHARACTERS = 300
# The most rows of a table; if the notes are too long, the next number is tried.
_ROWS = (1000, 200, 50, 10, 0)


def render_notes(given: Notes) -> str:
    """Return the notes in Markdown, at most LIMIT characters.

    Each table says how many rows were left out for that.
    """
    shown = notes_view(given)
    templates = markdown_templates(_CHARACTERS)
    notes = templates.get_template("notes.md.j2")
    for rows in _ROWS:
        text = notes.render(shown=shown, rows=rows)
        text = re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"
        if len(text) <= LIMIT:
            return text
    template = (
        "**{{ shown.standing }}.** {{ shown.mark | sign }}: {{ shown.reason }}\n\n{{ rest }}\n"
    )
    rest = f"The notes are too long to show here. See the report of {shown.version}."
    return templates.from_string(template).render(shown=shown, rest=rest)


def summarize_release(given: Notes) -> str:
    """Return the release in one line of plain text, for a feed or a message."""
    shown = notes_view(given)
    return f"{shown.version}: {shown.standing}. {shown.mark.word}: {shown.reason}"


def write_notes(folder: Path, given: Notes) -> Path:
    """Write notes.md into `folder` and return its path. Raises EnvironmentFailed."""
    path = folder / FILE
    records.write_text(path, render_notes(given))
    return path
