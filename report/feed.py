"""An Atom feed (RFC 4287) of releases, for people who do not look at a release page. Same releases, same bytes."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from markdown_it import MarkdownIt

from publish.record import ReleaseRecord
from report.escape import clean, one_line
from report.notes_view import released, standing
from runner import records
from runner.errors import ConfigError

FILE = "releases.atom"
ENTRIES = 20
"""The newest; a feed is read for what is new, and each entry holds its notes."""

_NAMESPACE = "http://www.w3.org/2005/Atom"
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'


@dataclass(frozen=True)
class Place:
    """Where releases are told of: `home` is the repository's page, `address` the feed's own.

    Both are absolute; a release is at HOME/releases/tag/VERSION, as on GitHub, and that is its id for as long as the
    feed lives.
    """

    title: str
    home: str
    address: str


@dataclass(frozen=True)
class Release:
    """A release and its notes, Markdown as report/notes.py writes it."""

    record: ReleaseRecord
    notes: str


def atom(place: Place, releases: Iterable[Release]) -> str:
    """The feed, newest release first. Its time is that of the release that finished last; ids hold only versions.

    Raises ConfigError where an address is not absolute, a time is none, or there is no release at all.
    """
    home = _absolute(place.home).rstrip("/")
    newest = sorted(releases, key=lambda each: (_moment(each.record), each.record.version), reverse=True)[:ENTRIES]
    if not newest:
        raise ConfigError("a feed of no release", "make a release first")
    feed = ElementTree.Element("feed", xmlns=_NAMESPACE)
    _text(feed, "id", f"{home}/releases")
    _text(feed, "title", place.title)
    _text(feed, "updated", _moment(newest[0].record))
    _text(ElementTree.SubElement(feed, "author"), "name", place.title)
    ElementTree.SubElement(feed, "link", rel="alternate", type="text/html", href=f"{home}/releases")
    ElementTree.SubElement(feed, "link", rel="self", type="application/atom+xml", href=_absolute(place.address))
    _entries(feed, home, newest)
    ElementTree.indent(feed)
    return f"{_DECLARATION}{ElementTree.tostring(feed, encoding='unicode')}\n"


def write(folder: Path, place: Place, releases: Iterable[Release]) -> Path:
    """Write releases.atom into `folder` and return where it is. Raises ConfigError and EnvironmentFailed."""
    path = folder / FILE
    records.write_text(path, atom(place, releases))
    return path


def _entries(feed: ElementTree.Element, home: str, releases: Sequence[Release]) -> None:
    for each in releases:
        record, entry = each.record, ElementTree.SubElement(feed, "entry")
        address = f"{home}/releases/tag/{quote(clean(record.version), safe='')}"
        _text(entry, "id", address)
        _text(entry, "title", record.version if released(record) else f"{record.version} ({standing(record)})")
        _text(entry, "updated", _moment(record))
        ElementTree.SubElement(entry, "link", rel="alternate", type="text/html", href=address)
        ElementTree.SubElement(entry, "category", term=clean(record.channel) or "none")
        _text(entry, "summary", one_line(": ".join(part for part in (standing(record), record.reason) if part)))
        _text(entry, "content", _html(each.notes), type="html")


def _text(parent: ElementTree.Element, name: str, text: str, **attributes: str) -> None:
    """A child with text; ElementTree escapes it, what XML has no way to hold is left out."""
    ElementTree.SubElement(parent, name, attributes).text = clean(text)


def _html(markdown: str) -> str:
    """Notes as readers show them. What they hold of foreign text is escaped already (report/escape.py)."""
    text: str = MarkdownIt("commonmark", {"html": True}).enable("table").render(clean(markdown))
    return text


def _moment(record: ReleaseRecord) -> str:
    """When it finished, as RFC 3339 in UTC; a time without a zone is taken as UTC. As text these sort by time."""
    try:
        found = datetime.datetime.fromisoformat(record.finished_at)
    except ValueError:
        problem = f"{record.version}: `finished_at` is {record.finished_at!r}, which is no time"
        raise ConfigError(problem, "run the release again") from None
    moment = found.replace(tzinfo=found.tzinfo or datetime.UTC).astimezone(datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _absolute(address: str) -> str:
    """An IRI that a feed may name."""
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or any(each.isspace() for each in address):
        raise ConfigError(f"{address!r} is no address", "write it whole: https://HOST/PATH")
    return address
