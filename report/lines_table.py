"""The tables of the lines in README.md: `.venv/bin/python -m report.lines_table` writes them.

They have the days of each status and not the status of today, so that they stay true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from images import catalog
from images.catalog import Line
from images.compatibility import load_compatibility
from report.escape import escape_markdown
from runner import records
from scan.policy import LineException, load_line_exceptions

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN = "<!-- The lines, by `.venv/bin/python -m report.lines_table` -->\n"
END = "<!-- End of the lines -->\n"
_CONTENTS = (
    "line",
    "PyTorch",
    "CUDA",
    "oldest driver",
    "TorchVision",
    "TorchAudio",
    "Python",
    "Debian",
)


def render_tables(lines: Mapping[str, Line], exceptions: Sequence[LineException]) -> str:
    """Return what each line has, its support from which day on, and what it cannot fix."""
    contents = [
        [
            name,
            line.torch,
            line.cuda,
            line.driver_floor,
            line.torchvision,
            line.torchaudio or "none: upstream ended it",
            line.python,
            str(load_compatibility().debian_number(line.debian) or line.debian),
        ]
        for name, line in lines.items()
    ]
    support = [
        [name, str(phase.since), phase.status, phase.why]
        for name, line in lines.items()
        for phase in line.support
    ]
    excepted = [
        [each.line, each.id, str(each.expires), each.reason, each.mitigation] for each in exceptions
    ]
    tables = (
        _render_rows(_CONTENTS, contents),
        _render_rows(("line", "from", "status", "why"), support),
        _render_rows(("line", "exception", "until", "reason", "what to do"), excepted),
    )
    return "\n\n".join("\n".join(rows) for rows in tables)


def replace_tables(
    text: str, lines: Mapping[str, Line], exceptions: Sequence[LineException]
) -> str:
    """Return a page with the tables between BEGIN and END made again.

    Raises ValueError if the page has no such place.
    """
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the page has no place for the tables: {BEGIN.strip()} ... {END.strip()}")
    return f"{before}{BEGIN}\n{render_tables(lines, exceptions)}\n\n{END}{after}"


def _render_rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
        *(f"| {' | '.join(map(str, map(escape_markdown, row)))} |" for row in rows),
    ]


if __name__ == "__main__":
    loaded = catalog.load_catalog().lines, load_line_exceptions()
    records.write_text(README, replace_tables(records.read_text(README), *loaded))
