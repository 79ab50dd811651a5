"""The feed: what Atom demands of it, ids that never change, and that foreign text stays text."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from publish.released.record import GateRefusal, ReleaseRecord
from report import feed
from report.feed import FeedPlace, FeedRelease, render_feed
from report.notes import Notes, render_notes
from runner.errors import ConfigError
from runner.verdict import Verdict
from tests.fakes.refusal import refused
from tests.report import samples
from tests.report.test_notes import LINE, patched

ATOM = "{http://www.w3.org/2005/Atom}"
HOME = "https://example.org/images"
PLACE = FeedPlace("PyTorch & CUDA images", HOME, "https://example.org/releases.atom")


def record(version: str, finished_at: str, channel: str = "monthly") -> ReleaseRecord:
    return replace(samples.release(), version=version, finished_at=finished_at, channel=channel)


FIRST = FeedRelease(record("v2.6.0", "2026-11-21T02:18:02+00:00"), "# One\n")
SECOND = FeedRelease(record("v2.6.1", "2026-12-15T03:00:00+01:00", "candidate"), "# Two\n")


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text.encode())  # noqa: S314 - it was written here


def entries(*releases: FeedRelease, place: FeedPlace = PLACE) -> list[ElementTree.Element]:
    return parsed(render_feed(place, releases)).findall(f"{ATOM}entry")


def said(element: ElementTree.Element, name: str) -> str:
    found = element.find(f"{ATOM}{name}")
    assert found is not None
    return found.text or ""


def test_the_feed_has_what_atom_demands() -> None:
    root = parsed(render_feed(PLACE, [FIRST, SECOND]))
    assert root.tag == f"{ATOM}feed"
    assert {name: said(root, name) for name in ("id", "title", "updated")} == {
        "id": f"{HOME}/releases",
        "title": "PyTorch & CUDA images",
        "updated": "2026-12-15T02:00:00Z",
    }
    assert {link.get("rel"): link.get("href") for link in root.findall(f"{ATOM}link")} == {
        "alternate": f"{HOME}/releases",
        "self": "https://example.org/releases.atom",
    }
    author = root.find(f"{ATOM}author")
    assert author is not None
    assert said(author, "name") == "PyTorch & CUDA images"


def test_an_entry_has_what_atom_demands() -> None:
    (entry,) = entries(FIRST)
    assert {name: said(entry, name) for name in ("id", "title", "updated", "summary")} == {
        "id": f"{HOME}/releases/tag/v2.6.0",
        "title": "v2.6.0",
        "updated": "2026-11-21T02:18:02Z",
        "summary": "Promoted to monthly: cv: versions/nccl: a second copy of NCCL is loaded",
    }
    link, category = entry.find(f"{ATOM}link"), entry.find(f"{ATOM}category")
    assert link is not None
    assert category is not None
    assert (link.get("href"), category.get("term")) == (f"{HOME}/releases/tag/v2.6.0", "monthly")


def test_the_newest_is_first_whatever_the_order_and_the_zone() -> None:
    later = FeedRelease(record("v2.6.2", "2026-12-15T01:59:59Z"), "")
    for given in ([FIRST, SECOND, later], [later, SECOND, FIRST]):
        assert [said(entry, "updated") for entry in entries(*given)] == [
            "2026-12-15T02:00:00Z",
            "2026-12-15T01:59:59Z",
            "2026-11-21T02:18:02Z",
        ]
    assert render_feed(PLACE, [FIRST, SECOND]) == render_feed(PLACE, [SECOND, FIRST])


def test_ids_stay_when_a_candidate_is_released_or_its_notes_change() -> None:
    released = FeedRelease(
        replace(SECOND.record, channel="monthly", registry="other.example.org"), "other notes"
    )
    (before,), (after,) = entries(SECOND), entries(released)
    assert said(before, "id") == said(after, "id")
    assert (said(before, "title"), said(after, "title")) == (
        "v2.6.1 (Candidate only, not for production)",
        "v2.6.1",
    )


@pytest.mark.parametrize("channel", ["candidate", "", "production"])
def test_no_phrase_stands_twice(channel: str) -> None:
    refusal = GateRefusal(Verdict.INCONCLUSIVE, ("base: no tests on a GPU",))
    reason = "" if channel == "production" else refusal.summary_line
    record = replace(SECOND.record, channel=channel, refusal=refusal, reason=reason)
    (entry,) = entries(FeedRelease(record, render_notes(Notes(record, LINE, ()))))
    for name in ("title", "summary"):
        assert said(entry, name).lower().count("not for production") <= 1
    summary = said(entry, "summary")
    assert ("base: no tests on a GPU" in summary) == (channel != "production")
    content = said(entry, "content").lower()
    assert content.count("not for production") <= 1


def test_a_slash_at_the_end_of_home_changes_no_id() -> None:
    (slash,), (none,) = entries(FIRST, place=replace(PLACE, home=f"{HOME}/")), entries(FIRST)
    assert said(slash, "id") == said(none, "id")


def test_only_the_newest_are_in_it() -> None:
    many = [
        FeedRelease(record(f"v2.6.{day}", f"2026-11-{day:02d}T00:00:00Z"), "")
        for day in range(1, 31)
    ]
    titles = [said(entry, "title") for entry in entries(*many)]
    assert titles == [f"v2.6.{day}" for day in range(30, 30 - feed.ENTRIES, -1)]


def test_notes_are_shown_as_html() -> None:
    (entry,) = entries(FeedRelease(FIRST.record, render_notes(patched())))
    content = entry.find(f"{ATOM}content")
    assert content is not None
    assert content.get("type") == "html"
    assert "<h2>Contents</h2>" in (content.text or "")
    assert "<td>9.1.0.70</td>" in (content.text or "")
    assert "<code>docker pull" not in (content.text or "")
    assert f"docker pull localhost:5000/pytorch-cuda@{samples.digest('base')}" in (
        content.text or ""
    )


def test_foreign_text_stays_text() -> None:
    hostile = replace(
        FIRST.record,
        reason=samples.HOSTILE,
        channel=samples.HOSTILE,
        version=f"v1 {samples.HOSTILE}\ud800",
    )
    text = render_feed(replace(PLACE, title=samples.HOSTILE), [FeedRelease(hostile, "\x00\ud800")])
    (entry,) = parsed(text).findall(f"{ATOM}entry")
    assert "<script" not in text
    assert said(entry, "title").startswith("v1 <script>alert(1)</script> a|b")
    assert "<script>alert(1)</script>" in said(entry, "summary")
    assert "\x1b" not in text
    assert " " not in said(entry, "id")


@pytest.mark.parametrize(
    "wrong", ["", "example.org/images", "ftp://example.org", "https://", "https://[", "https://a b"]
)
def test_an_address_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="is not a full address"):
        render_feed(replace(PLACE, home=wrong), [FIRST])
    with pytest.raises(ConfigError, match="is not a full address"):
        render_feed(replace(PLACE, address=wrong), [FIRST])


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"v2\.6\.0: `finished_at` is 'yesterday', which is not a time"
    ):
        render_feed(PLACE, [FeedRelease(record("v2.6.0", "yesterday"), "")])


def test_a_feed_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="the feed would hold no release"):
        render_feed(PLACE, [])


def test_a_time_without_a_zone_is_utc() -> None:
    (entry,) = entries(FeedRelease(record("v2.6.0", "2026-11-21T02:18:02"), ""))
    assert said(entry, "updated") == "2026-11-21T02:18:02Z"


# What was published before


def kept(folder: Path, version: str, *releases: FeedRelease) -> Path:
    """A feed as it was published with a version."""
    folder.mkdir(exist_ok=True)
    return feed.write_feed(folder, PLACE, releases).rename(folder / f"{version}.atom")


def test_entries_that_were_published_before_are_kept_to_the_byte(tmp_path: Path) -> None:
    hostile = FeedRelease(
        replace(FIRST.record, reason=samples.HOSTILE), samples.HOSTILE + render_notes(patched())
    )
    kept(tmp_path, "v2.6.0", hostile)
    assert render_feed(PLACE, [SECOND], feed.read_feeds(tmp_path)) == render_feed(
        PLACE, [SECOND, hostile]
    )


def test_a_release_told_again_replaces_its_entry(tmp_path: Path) -> None:
    kept(tmp_path, "v2.6.1", FIRST, SECOND)
    again = replace(SECOND, notes="# Mended\n")
    assert render_feed(PLACE, [again], feed.read_feeds(tmp_path)) == render_feed(
        PLACE, [FIRST, again]
    )


def test_what_a_release_s_own_feed_says_counts_before_copies(tmp_path: Path) -> None:
    """And a copy before nothing: the feed of a release may be lost."""
    other = FeedRelease(record("v2.6.2", "2027-01-15T00:00:00Z"), "")
    mended = replace(SECOND, notes="# Mended\n")
    kept(tmp_path, "v2.6.0", FIRST, SECOND)
    own = kept(tmp_path, "v2.6.1", mended)
    kept(tmp_path, "v2.6.2", FIRST, SECOND, other)
    assert render_feed(PLACE, [], feed.read_feeds(tmp_path)) == render_feed(
        PLACE, [FIRST, mended, other]
    )
    own.unlink()
    assert render_feed(PLACE, [], feed.read_feeds(tmp_path)) == render_feed(
        PLACE, [FIRST, SECOND, other]
    )


def test_releases_told_at_once_lose_none(tmp_path: Path) -> None:
    """Neither knows of the other, and the next knows both."""
    kept(tmp_path, "v2.6.0", FIRST)
    kept(tmp_path, "v2.6.1", FIRST, SECOND)
    other = FeedRelease(record("v2.9.0", "2026-12-15T03:00:00Z"), "")
    kept(tmp_path, "v2.9.0", FIRST, other)
    assert render_feed(PLACE, [], feed.read_feeds(tmp_path)) == render_feed(
        PLACE, [FIRST, SECOND, other]
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no element found"),
        ("<html></html>", "its first element is `html`"),
        (render_feed(PLACE, [FIRST])[:-40], "no element found|unclosed token"),
        (
            render_feed(PLACE, [FIRST])
            .replace("<summary>", "<summery>")
            .replace("</summary>", "</summery>"),
            "an entry has no `summary`",
        ),
        (render_feed(PLACE, [FIRST]).replace("2026-11-21T02:18:02Z", "yesterday"), "yesterday"),
    ],
)
def test_what_is_no_feed_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "v2.6.0.atom").write_text(text)
    with pytest.raises(ConfigError, match=rf"v2\.6\.0\.atom is not a feed of releases: .*({said})"):
        feed.read_feeds(tmp_path)


@pytest.mark.parametrize(
    "kind", ["a named pipe", "a symbolic link", "a folder", "more than the allowed"]
)
def test_a_feed_that_is_no_file_of_that_size(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "v2.6.0.atom"
    if kind == "a named pipe":
        os.mkfifo(path)
    elif kind == "a symbolic link":
        path.symlink_to("/etc/passwd")
    elif kind == "a folder":
        path.mkdir()
    else:
        path.touch()
        os.truncate(path, 10**11)
    with refused(ConfigError, str(path), kind):
        feed.read_feeds(tmp_path)


def test_a_folder_of_feeds_that_is_not_there(tmp_path: Path) -> None:
    with refused(ConfigError, f"cannot read the feeds in {tmp_path / 'nope'}", "name a folder"):
        feed.read_feeds(tmp_path / "nope")


def test_it_is_written_as_declared(tmp_path: Path) -> None:
    path = feed.write_feed(tmp_path, PLACE, [FIRST])
    assert path == tmp_path / "releases.atom"
    assert path.read_text(encoding="utf-8").startswith(
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns='
    )
    assert path.read_text(encoding="utf-8") == render_feed(PLACE, [FIRST])


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_moment_that_no_clock_shows_in_utc(tmp_path: Path, moment: str) -> None:
    text = render_feed(PLACE, [FIRST])
    updated = ElementTree.fromstring(text).findtext(f"{ATOM}entry/{ATOM}updated")  # noqa: S314 - ours
    assert updated is not None
    (tmp_path / "v2.6.0.atom").write_text(text.replace(updated, moment))
    with refused(ConfigError, "v2.6.0.atom"):
        feed.read_feeds(tmp_path)
    with refused(ConfigError, moment):
        render_feed(PLACE, [FeedRelease(record("v2.6.0", moment), "")])
