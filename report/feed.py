"""An Atom feed (RFC 4287) of releases; the same releases give the same bytes.

The job that makes a release knows earlier releases only by the feeds that were published with them.
So their entries are read from those feeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from markdown_it import MarkdownIt

from publish.released.record import ReleaseRecord
from report.escape import one_line
from report.notes_view import describe_promotion, drop_repetition
from report.view import is_released
from runner import records
from runner.errors import ConfigError
from runner.moments import parse_moment
from runner.untrusted import Malformed, clean_line, clean_text, list_names, read_file

FILE = "releases.atom"

FEED_BYTES = 16 << 20
MAX_FEEDS = 10_000
"""The most feeds that are read from one folder; a feed has at most FEED_BYTES."""
ENTRIES = 20
"""The number of newest releases in a feed; each entry holds its whole notes."""

_NAMESPACE = "http://www.w3.org/2005/Atom"
_ATOM = f"{{{_NAMESPACE}}}"
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'


@dataclass(frozen=True)
class FeedPlace:
    """The addresses of a feed: `home` is the repository's page, `address` the feed's own.

    Both are absolute. A release is at HOME/releases/tag/VERSION, as on GitHub, and this address is
    also its permanent id.
    """

    title: str
    home: str
    address: str


@dataclass(frozen=True)
class FeedRelease:
    """A release and its notes in Markdown, as report/notes.py writes them."""

    record: ReleaseRecord
    notes: str


@dataclass(frozen=True)
class FeedEntry:
    """A release in a feed: `updated` is RFC 3339 in UTC, `content` the notes as HTML."""

    id: str
    title: str
    updated: str
    channel: str
    summary: str
    content: str


def render_feed(
    place: FeedPlace, releases: Iterable[FeedRelease], earlier: Iterable[FeedEntry] = ()
) -> str:
    """Return the feed, newest release first.

    The time of the feed is that of the release that finished last. An entry of `earlier` is
    replaced by the release of the same version, if there is one.

    Raises ConfigError if an address is not absolute, a time is malformed, or there is no release.
    """
    home = _require_absolute(place.home).rstrip("/")
    entries = {
        each.id: each for each in (*earlier, *(_make_entry(home, each) for each in releases))
    }
    newest = sorted(entries.values(), key=lambda each: (each.updated, each.id), reverse=True)[
        :ENTRIES
    ]
    if not newest:
        raise ConfigError("the feed would hold no release", "make a release first")
    feed = ElementTree.Element("feed", xmlns=_NAMESPACE)
    _add_text(feed, "id", f"{home}/releases")
    _add_text(feed, "title", place.title)
    _add_text(feed, "updated", newest[0].updated)
    _add_text(ElementTree.SubElement(feed, "author"), "name", place.title)
    ElementTree.SubElement(feed, "link", rel="alternate", type="text/html", href=f"{home}/releases")
    ElementTree.SubElement(
        feed, "link", rel="self", type="application/atom+xml", href=_require_absolute(place.address)
    )
    for entry in newest:
        _write_entry(ElementTree.SubElement(feed, "entry"), entry)
    ElementTree.indent(feed)
    return f"{_DECLARATION}{ElementTree.tostring(feed, encoding='unicode')}\n"


def write_feed(
    folder: Path,
    place: FeedPlace,
    releases: Iterable[FeedRelease],
    earlier: Iterable[FeedEntry] = (),
) -> Path:
    """Write releases.atom into `folder` and return its path.

    Raises ConfigError and EnvironmentFailed.
    """
    path = folder / FILE
    records.write_text(path, render_feed(place, releases, earlier))
    return path


def read_feeds(folder: Path) -> tuple[FeedEntry, ...]:
    """Return the entries of all feeds FOLDER/VERSION.atom, each published with that version.

    The entry of a release in its own feed replaces copies in other feeds. Raises ConfigError if the
    folder cannot be read or a file is not such a feed.
    """
    try:
        names = [name for name in list_names(folder, ".", MAX_FEEDS) if name.endswith(".atom")]
    except OSError as error:
        problem = f"cannot read the feeds in {folder}: {error.strerror}"
        raise ConfigError(problem, "name a folder with published feeds") from None
    except Malformed as error:
        raise ConfigError(f"{folder}: {error}", "name a folder with published feeds") from None
    found = [
        (name.removesuffix(".atom"), entry) for name in names for entry in _read_feed(folder, name)
    ]
    own_last = sorted(found, key=lambda each: each[1].id.endswith(f"/{each[0]}"))
    return tuple({entry.id: entry for _, entry in own_last}.values())


def _read_feed(folder: Path, name: str) -> Iterator[FeedEntry]:
    hint = "publish that release's notes again"
    try:
        data = read_file(folder, name, FEED_BYTES)
        feed = ElementTree.fromstring(data)  # noqa: S314 - expat bounds the expansion of entities
        if feed.tag != f"{_ATOM}feed":
            raise ValueError(f"its first element is `{feed.tag}`")
        yield from map(_parse_entry, feed.iterfind(f"{_ATOM}entry"))
    except OSError as error:
        raise ConfigError(f"cannot read {folder / name}: {error.strerror}", hint) from None
    except (ElementTree.ParseError, Malformed, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{folder / name} is not a feed of releases: {clean_line(str(error))}", hint
        ) from None


def _parse_entry(entry: ElementTree.Element) -> FeedEntry:
    category = entry.find(f"{_ATOM}category")
    return FeedEntry(
        id=_require_text(entry, "id"),
        title=_require_text(entry, "title"),
        updated=_to_utc(_require_text(entry, "updated")),
        channel="none" if category is None else category.get("term", "none"),
        summary=_require_text(entry, "summary"),
        content=_require_text(entry, "content"),
    )


def _require_text(entry: ElementTree.Element, name: str) -> str:
    text = entry.findtext(f"{_ATOM}{name}")
    if text is None:
        raise ValueError(f"an entry has no `{name}`")
    return text


def _make_entry(home: str, release: FeedRelease) -> FeedEntry:
    """Make the entry of a release.

    Its notes hold text of others, which report/escape.py has already escaped.
    """
    record = release.record
    try:
        updated = _to_utc(record.finished_at)
    except ValueError:
        problem = f"{record.version}: `finished_at` is {record.finished_at!r}, which is not a time"
        raise ConfigError(problem, "run the release again") from None
    standing = describe_promotion(record)
    reason = drop_repetition(standing, record.reason)
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    return FeedEntry(
        id=f"{home}/releases/tag/{quote(clean_text(record.version), safe='')}",
        title=record.version if is_released(record) else f"{record.version} ({standing})",
        updated=updated,
        channel=clean_text(record.channel) or "none",
        summary=one_line(f"{standing}: {reason}" if reason else standing),
        content=markdown.render(clean_text(release.notes)),
    )


def _write_entry(into: ElementTree.Element, entry: FeedEntry) -> None:
    """Write an entry; its id is also its address."""
    _add_text(into, "id", entry.id)
    _add_text(into, "title", entry.title)
    _add_text(into, "updated", entry.updated)
    ElementTree.SubElement(
        into, "link", rel="alternate", type="text/html", href=clean_text(entry.id)
    )
    ElementTree.SubElement(into, "category", term=clean_text(entry.channel))
    _add_text(into, "summary", entry.summary)
    _add_text(into, "content", entry.content, type="html")


def _add_text(parent: ElementTree.Element, name: str, text: str, **attributes: str) -> None:
    """Add a child with text; ElementTree escapes it, and characters XML cannot hold are removed."""
    ElementTree.SubElement(parent, name, attributes).text = clean_text(text)


def _to_utc(time: str) -> str:
    """Return an ISO 8601 time as RFC 3339 in UTC; such texts sort by time.

    A time without a zone is taken as UTC. Raises ValueError if the text is not a time.
    """
    return parse_moment(time).strftime("%Y-%m-%dT%H:%M:%SZ")


def _require_absolute(address: str) -> str:
    """Return `address`. Raises ConfigError if it is not an absolute HTTP address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or any(each.isspace() for each in address)
    ):
        raise ConfigError(f"{address!r} is not a full address", "write it as https://HOST/PATH")
    return address
