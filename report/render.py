"""Reports as HTML, Markdown, SARIF and JUnit; the same records give the same bytes.

Nothing here reads the clock, the disk or the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from images.catalog import Line
from publish.released.record import ReleaseRecord
from report import escape, junit, sarif
from report.model import ImageRecords, Page
from report.sarif import Places
from report.view import build_page
from runner import records, untrusted
from runner.nouns import count_noun

__all__ = [
    "MARKDOWN_LIMIT",
    "ImageRecords",
    "markdown_templates",
    "render_html",
    "render_markdown",
    "write_report",
]

MARKDOWN_LIMIT = 1024 * 1024
"""Bytes that GitHub accepts as a job summary (its documentation of workflow commands)."""

_TEMPLATES = Path(__file__).resolve().parent / "templates"
# The most rows of a table and characters of a text; if the page is too long, the next pair is
# tried.
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
# The most rows of a folded table: thousands of tolerated findings must not push out blocking ones.
_FOLDED_ROWS = 50


def render_html(
    release: ReleaseRecord, images: Sequence[ImageRecords], line: Line | None = None
) -> str:
    """Return the report as one self-contained page.

    An image of the release without records is shown as `not run`. `line` is the release's line.
    """
    page = _build_page(release, images, line)
    return _html_templates().get_template("report.html.j2").render(page=page)


def render_markdown(
    release: ReleaseRecord, images: Sequence[ImageRecords], line: Line | None = None
) -> str:
    """Return the report for a job summary, at most MARKDOWN_LIMIT bytes.

    Each table says how many rows were left out for that.
    """
    shown = _build_page(release, images, line)
    for rows, characters in _DETAIL:
        template = markdown_templates(characters).get_template("report.md.j2")
        text = template.render(page=shown, rows=rows, folded_rows=min(rows, _FOLDED_ROWS))
        if len(text.encode()) <= MARKDOWN_LIMIT:
            return text
    return (
        text.partition("\n")[0]
        + "\n\nThe report is too long for a job summary. See `report.html`.\n"
    )


def _build_page(release: ReleaseRecord, images: Sequence[ImageRecords], line: Line | None) -> Page:
    """Build the page of records without secrets: once it is escaped, none would be found."""
    shown = [records.without_secrets(each) for each in images]
    return build_page(records.without_secrets(release), shown, line)


def write_report(
    folder: Path,
    release: ReleaseRecord,
    images: Sequence[ImageRecords],
    line: Line | None = None,
    places: Places | None = None,
) -> tuple[Path, ...]:
    """Write the report for people (HTML, Markdown) and programs (SARIF, JUnit); return the paths.

    `places` are the lines of the locks that SARIF names. Raises EnvironmentFailed.
    """
    # brackets and quotes that are escaped would hide a secret from the search when this is written
    release, images = records.without_secrets(release), [*map(records.without_secrets, images)]
    texts = {
        "report.html": render_html(release, images, line),
        "report.md": render_markdown(release, images, line),
        sarif.FILE: sarif.render_sarif(release, images, places),
        junit.FILE: junit.render_junit(release, images),
    }
    for name, text in texts.items():
        records.write_text(folder / name, text)
    return tuple(folder / name for name in texts)


@cache
def _html_templates() -> Environment:
    templates = _load_templates(
        lambda value: (
            untrusted.clean_text(value)
            if isinstance(value, str) and not isinstance(value, Markup)
            else value
        )
    )
    templates.filters["said"] = escape.html_with_code
    return templates


@cache
def markdown_templates(characters: int) -> Environment:
    """Return templates for Markdown, in which text of others cannot become markup.

    Every value is clipped to `characters` and escaped, unless a filter did so already. The
    automatic escaping of HTML then changes nothing more.
    """

    def text(value: object) -> Markup:
        return (
            value
            if isinstance(value, Markup)
            else escape.escape_markdown(escape.clip_text(str(value), characters))
        )

    templates = _load_templates(text)
    templates.filters["code"] = lambda value: escape.markdown_code(
        escape.clip_text(value, characters)
    )
    templates.filters["said"] = lambda value: escape.markdown_with_code(
        escape.clip_text(value, characters)
    )
    templates.filters["log"] = lambda value: escape.markdown_fence(
        escape.clip_start(value, characters)
    )
    templates.filters["sign"] = lambda mark: Markup("{} {}").format(_SIGNS[mark.word], mark.word)
    templates.filters["fence"] = escape.markdown_fence
    templates.filters["blocks"] = lambda percent: (
        "█" * max(round(float(percent) * _BLOCKS / 100), 1)
    )
    return templates


def _load_templates(finalize: Callable[[object], object]) -> Environment:
    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.globals["count_noun"] = count_noun
    return templates
