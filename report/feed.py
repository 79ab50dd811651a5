"""An Atom feed (RFC 4287) of releases, for people who do not look at a release page.

Same releases, same bytes.

Where a release is made nothing is known of the others but the feeds published with them, so their
entries are read back from there.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from markdown_it import MarkdownIt

from publish.released.record import ReleaseRecord
from report.escape import one_line
from report.notes_view import released, standing
from runner import records
from runner.errors import ConfigError
from runner.untrusted import Malformed, clean, clean_line, list_names, read_file

FILE = "releases.atom"

FEED_BYTES = 16 << 20
MOST_FEEDS = 10_000
"""The most that a feed, and a folder of feeds, may have."""
ENTRIES = 20
"""The newest; a feed is read for what is new, and each entry holds its notes."""

_NAMESPACE = "http://www.w3.org/2005/Atom"
_ATOM = f"{{{_NAMESPACE}}}"
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'


@dataclass(frozen=True)
class Place:
    """Where releases are told of: `home` is the repository's page, `address` the feed's own.

    Both are absolute; a release is at HOME/releases/tag/VERSION, as on GitHub, and that is its id
    for as long as the feed lives.
    """

    title: str
    home: str
    address: str


@dataclass(frozen=True)
class Release:
    """A release and its notes, Markdown as report/notes.py writes it."""

    record: ReleaseRecord
    notes: str


@dataclass(frozen=True)
class Entry:
    """What a feed says of a release: `updated` is RFC 3339 in UTC, `content` its notes as HTML."""

    id: str
    title: str
    updated: str
    channel: str
    summary: str
    content: str


def atom(place: Place, releases: Iterable[Release], earlier: Iterable[Entry] = ()) -> str:
    """The feed, newest release first.

    Its time is that of the release that finished last; ids hold only versions.

    Of `earlier` entries those stay that are of none of the `releases`. Raises ConfigError where an
    address is not absolute, a time is none, or there is no release at all.
    """
    home = _absolute(place.home).rstrip("/")
    entries = {each.id: each for each in (*earlier, *(_entry(home, each) for each in releases))}
    newest = sorted(entries.values(), key=lambda each: (each.updated, each.id), reverse=True)[
        :ENTRIES
    ]
    if not newest:
        raise ConfigError("a feed of no release", "make a release first")
    feed = ElementTree.Element("feed", xmlns=_NAMESPACE)
    _text(feed, "id", f"{home}/releases")
    _text(feed, "title", place.title)
    _text(feed, "updated", newest[0].updated)
    _text(ElementTree.SubElement(feed, "author"), "name", place.title)
    ElementTree.SubElement(feed, "link", rel="alternate", type="text/html", href=f"{home}/releases")
    ElementTree.SubElement(
        feed, "link", rel="self", type="application/atom+xml", href=_absolute(place.address)
    )
    for entry in newest:
        _write(ElementTree.SubElement(feed, "entry"), entry)
    ElementTree.indent(feed)
    return f"{_DECLARATION}{ElementTree.tostring(feed, encoding='unicode')}\n"


def write(
    folder: Path, place: Place, releases: Iterable[Release], earlier: Iterable[Entry] = ()
) -> Path:
    """Write releases.atom into `folder` and return where it is.

    Raises ConfigError and EnvironmentFailed.
    """
    path = folder / FILE
    records.write_text(path, atom(place, releases, earlier))
    return path


def published(folder: Path) -> tuple[Entry, ...]:
    """Every entry of the feeds FOLDER/VERSION.atom, each of which was published with that version.

    What a release's own feed says of it counts before what others copied. Raises ConfigError where
    one is no such feed.
    """
    try:
        names = [name for name in list_names(folder, ".", MOST_FEEDS) if name.endswith(".atom")]
    except OSError as error:
        problem = f"cannot read the feeds in {folder}: {error.strerror}"
        raise ConfigError(problem, "name a folder with the feeds that were published") from None
    except Malformed as error:
        raise ConfigError(
            f"{folder}: {error}", "name a folder with the feeds that were published"
        ) from None
    found = [(name.removesuffix(".atom"), entry) for name in names for entry in _read(folder, name)]
    own_last = sorted(found, key=lambda each: each[1].id.endswith(f"/{each[0]}"))
    return tuple({entry.id: entry for _, entry in own_last}.values())


def _read(folder: Path, name: str) -> Iterator[Entry]:
    hint = "publish that release's notes again"
    try:
        data = read_file(folder, name, FEED_BYTES)
        feed = ElementTree.fromstring(data)  # noqa: S314 - our own; and expat bounds what entities become
        yield from _entries(feed)
    except OSError as error:
        raise ConfigError(f"cannot read {folder / name}: {error.strerror}", hint) from None
    except (ElementTree.ParseError, Malformed, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{folder / name} is no feed of releases: {clean_line(str(error))}", hint
        ) from None


def _entries(feed: ElementTree.Element) -> Iterator[Entry]:
    """Raises ValueError where it is no feed as ours are."""
    if feed.tag != f"{_ATOM}feed":
        raise ValueError(f"it is a `{feed.tag}`")
    yield from map(_parsed, feed.iterfind(f"{_ATOM}entry"))


def _parsed(entry: ElementTree.Element) -> Entry:
    category = entry.find(f"{_ATOM}category")
    return Entry(
        id=_said(entry, "id"),
        title=_said(entry, "title"),
        updated=_utc(_said(entry, "updated")),
        channel="none" if category is None else category.get("term", "none"),
        summary=_said(entry, "summary"),
        content=_said(entry, "content"),
    )


def _said(entry: ElementTree.Element, name: str) -> str:
    text = entry.findtext(f"{_ATOM}{name}")
    if text is None:
        raise ValueError(f"an entry without `{name}`")
    return text


def _entry(home: str, release: Release) -> Entry:
    record = release.record
    return Entry(
        id=f"{home}/releases/tag/{quote(clean(record.version), safe='')}",
        title=record.version if released(record) else f"{record.version} ({standing(record)})",
        updated=_moment(record),
        channel=clean(record.channel) or "none",
        summary=one_line(": ".join(part for part in (standing(record), record.reason) if part)),
        content=_html(release.notes),
    )


def _write(into: ElementTree.Element, entry: Entry) -> None:
    """An entry's id is its address too."""
    _text(into, "id", entry.id)
    _text(into, "title", entry.title)
    _text(into, "updated", entry.updated)
    ElementTree.SubElement(into, "link", rel="alternate", type="text/html", href=clean(entry.id))
    ElementTree.SubElement(into, "category", term=clean(entry.channel))
    _text(into, "summary", entry.summary)
    _text(into, "content", entry.content, type="html")


def _text(parent: ElementTree.Element, name: str, text: str, **attributes: str) -> None:
    """A child with text; ElementTree escapes it, what XML has no way to hold is left out."""
    ElementTree.SubElement(parent, name, attributes).text = clean(text)


def _html(markdown: str) -> str:
    """Notes as readers show them.

    What they hold of foreign text is escaped already (report/escape.py).
    """
    text: str = MarkdownIt("commonmark", {"html": True}).enable("table").render(clean(markdown))
    return text


def _moment(record: ReleaseRecord) -> str:
    """When it finished, as `_utc` has it."""
    try:
        return _utc(record.finished_at)
    except ValueError:
        problem = f"{record.version}: `finished_at` is {record.finished_at!r}, which is no time"
        raise ConfigError(problem, "run the release again") from None


def _utc(time: str) -> str:
    """ISO 8601 as RFC 3339 in UTC; a time without a zone is taken as UTC.

    As text these sort by time. ValueError.
    """
    found = datetime.datetime.fromisoformat(time)
    moment = found.replace(tzinfo=found.tzinfo or datetime.UTC).astimezone(datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _absolute(address: str) -> str:
    """An IRI that a feed may name."""
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or any(each.isspace() for each in address)
    ):
        raise ConfigError(f"{address!r} is no address", "write it whole: https://HOST/PATH")
    return address
