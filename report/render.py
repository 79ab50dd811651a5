"""Pages from records.

Same records, same bytes: nothing here looks at the clock, the disk or the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from publish.released.record import ReleaseRecord
from report import escape
from report.model import ImageRecords, Mark, Page
from report.view import page
from runner import records, untrusted

__all__ = ["MARKDOWN_LIMIT", "ImageRecords", "html", "markdown", "markdown_templates", "write"]

MARKDOWN_LIMIT = 1024 * 1024
"""Bytes GitHub takes as the job summary of one step (its documentation of workflow commands)."""

_TEMPLATES = Path(__file__).resolve().parent / "templates"
# Rows a table and characters a text may have; where the page is over the limit, the next pair is
# taken.
_DETAIL = ((1000, 4000), (200, 1000), (40, 300), (5, 150), (0, 150))
_SIGNS = {
    "pass": "✅",
    "fail": "❌",
    "flaky": "🎲",
    "infra": "🔧",
    "inconclusive": "🔶",
    "not run": "⬜",
    "not assessed": "🚫",
    "critical": "🟥",
    "high": "🟧",
    "medium": "🟨",
    "low": "🟦",
    "unknown": "⬜",
}
_BLOCKS = 20
# Rows of what is folded: thousands of tolerated findings must not push out those that block.
_FOLDED_ROWS = 50


def html(release: ReleaseRecord, images: Sequence[ImageRecords]) -> str:
    """The report as one self-contained page.

    An image of the release without records is shown as `not run`.
    """
    templates = _templates(_clean)
    templates.filters["said"] = escape.html_said
    return templates.get_template("report.html.j2").render(page=page(release, images))


def markdown(release: ReleaseRecord, images: Sequence[ImageRecords]) -> str:
    """The report for a job summary, at most MARKDOWN_LIMIT bytes; what is left out for that is
    named where it was.
    """
    shown = page(release, images)
    for rows, characters in _DETAIL:
        text = _markdown(shown, rows, characters)
        if len(text.encode()) <= MARKDOWN_LIMIT:
            return text
    return (
        text.partition("\n")[0] + "\n\nToo long for a job summary; the whole is in `report.html`.\n"
    )


def write(
    folder: Path, release: ReleaseRecord, images: Sequence[ImageRecords]
) -> tuple[Path, Path]:
    """Write report.html and report.md into `folder` and return where they are.

    Raises EnvironmentFailed.
    """
    page_path, summary_path = folder / "report.html", folder / "report.md"
    records.write_text(page_path, html(release, images))
    records.write_text(summary_path, markdown(release, images))
    return page_path, summary_path


def markdown_templates(characters: int) -> Environment:
    """Templates for Markdown, in which foreign text stays text.

    Every value is clipped to `characters` and escaped unless a filter has; HTML's escaping then
    finds nothing left.
    """

    def text(value: object) -> Markup:
        return (
            value
            if isinstance(value, Markup)
            else escape.markdown(escape.clip(str(value), characters))
        )

    templates = _templates(text)
    templates.filters["code"] = lambda value: escape.markdown_code(escape.clip(value, characters))
    templates.filters["said"] = lambda value: escape.markdown_said(escape.clip(value, characters))
    templates.filters["log"] = lambda value: escape.markdown_fence(
        escape.clip_start(value, characters)
    )
    templates.filters.update(fence=escape.markdown_fence, sign=_sign, blocks=_blocks)
    return templates


def _markdown(shown: Page, rows: int, characters: int) -> str:
    template = markdown_templates(characters).get_template("report.md.j2")
    return template.render(page=shown, rows=rows, folded_rows=min(rows, _FOLDED_ROWS))


def _templates(finalize: Callable[[object], object]) -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _clean(value: object) -> object:
    return (
        untrusted.clean(value)
        if isinstance(value, str) and not isinstance(value, Markup)
        else value
    )


def _sign(mark: Mark) -> Markup:
    """A verdict as shape and word."""
    return Markup("{} {}").format(_SIGNS[mark.word], mark.word)


def _blocks(percent: str) -> str:
    """A length in text, at least one block where there is anything."""
    return "█" * max(round(float(percent) * _BLOCKS / 100), 1)
