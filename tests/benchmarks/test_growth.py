"""The cost of commands grows no faster than what there is: requests and steps are counted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from benchmarks import growth_plot
from benchmarks.growth import SIZES
from benchmarks.growth_commands import COMMANDS
from benchmarks.growth_world import Size, fill_world, make_catalog
from publish.released import trusted_journal
from publish.tags import lock
from publish.tags.journal import AliasMove, Journal, JournalEntry, Transaction
from tests.fakes.registry import FakeRegistry
from tests.publish.line import OURS, Line
from tests.publish.moving import direct

SMALL = {
    "images": (Size(1, 3), Size(2, 3), Size(3, 3)),
    "releases": (Size(2, 2), Size(2, 3), Size(2, 4)),
    "tags": (Size(2, 3, 40), Size(2, 3, 80), Size(2, 3, 120)),
}
"""Three sizes in equal steps: what grows in proportion grows by the same twice."""
PAGE = 40
"""Entries of a list of tags: other tags make it longer by a page."""


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Size], Line]:
    """Return the function that gives a world; each is filled once."""

    @cache
    def fill(size: Size) -> tuple[FakeRegistry, Path, Any]:
        fake, folder = FakeRegistry(page=PAGE), tmp_path_factory.mktemp("world")
        fill_world(fake, size, folder)
        return fake, folder, fake.state()

    def make_line(size: Size) -> Line:
        fake, folder, state = fill(size)
        fake.restore(state)
        for path in (folder / "out").glob(f"{size.next_version}/*/build.json"):
            path.unlink()
        return Line(direct(fake), make_catalog(size.images), folder)

    return make_line


@pytest.fixture(autouse=True)
def without_wait(monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[None]:
    monkeypatch.setattr(lock, "_wait_until", lambda *_: None)
    yield


def requests_of(line: Line) -> list[str]:
    return line.registry._session.fake.requests  # type: ignore[attr-defined, no-any-return] # it is direct


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("axis", SMALL)
def test_requests_grow_in_proportion(
    command: str, axis: str, worlds: Callable[[Size], Line]
) -> None:
    counts = []
    for size in SMALL[axis]:
        line = worlds(size)
        COMMANDS[command](line, size)
        # whoever copies evidence must list the tags after each own put: pages for each image
        is_page = "tags/list?from=" if command == "promote" else "nothing"
        counts.append(sum(is_page not in each for each in requests_of(line)))
    assert counts[2] - counts[1] <= counts[1] - counts[0] + 2, counts


@pytest.mark.parametrize("command", ["due", "verify", "rescan"])
def test_tags_are_listed_as_often_for_any_number_of_images(
    command: str, worlds: Callable[[Size], Line]
) -> None:
    counts = []
    for size in (Size(1, 3), Size(3, 3)):
        line = worlds(size)
        COMMANDS[command](line, size)
        counts.append(sum("tags/list?n=" in each for each in requests_of(line)))
    assert counts[0] == counts[1]


def test_the_journal_is_read_as_often_for_any_number_of_images(
    worlds: Callable[[Size], Line],
) -> None:
    counts = []
    for size in (Size(1, 3), Size(3, 3)):
        line = worlds(size)
        COMMANDS["promote"](line, size)
        counts.append(
            sum("GET /v2/pytorch-cuda-journal/blobs/" in each for each in requests_of(line))
        )
    assert counts[0] == counts[1]


def test_a_journal_that_changed_is_read_again(worlds: Callable[[Size], Line]) -> None:
    line = worlds(Size(1, 3))
    places = line.catalog.repositories
    before = trusted_journal.read_as_written(line.registry, places, OURS)
    assert trusted_journal.read_as_written(line.registry, places, OURS) is before
    COMMANDS["promote"](line, Size(1, 3))
    after = trusted_journal.read_as_written(line.registry, places, OURS)
    assert len(after.journal.transactions) == len(before.journal.transactions) + 1


def test_withdrawn_versions_are_found_once(
    worlds: Callable[[Size], Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, find = list[Journal](), Journal.withdrawn_versions

    def count(journal: Journal) -> frozenset[str]:
        calls.append(journal)
        return find(journal)

    monkeypatch.setattr(Journal, "withdrawn_versions", count)
    COMMANDS["due"](worlds(Size(2, 4)), Size(2, 4))
    assert len(calls) == 1


def make_journal(releases: int) -> Journal:
    """A journal of releases with an own tag and two aliases each."""
    return Journal(
        tuple(
            Transaction(
                "promotion",
                f"v2.6.{number}",
                "a test",
                "2026-11-21T12:00:00Z",
                tuple(
                    JournalEntry(tag, "base", alias, "", f"sha256:{number:064}", "", "done")
                    for tag, alias in (
                        (f"v2.6.{number}", ""),
                        ("v2.6", "v2.6"),
                        ("latest", "latest"),
                    )
                ),
            )
            for number in range(releases)
        )
    )


def count_steps(work: Callable[[], object]) -> int:
    """Return how many instructions of Python some work takes: the same on every machine."""
    steps = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal steps
        frame.f_trace_opcodes = True
        steps += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return steps


QUESTIONS: dict[str, Callable[[Journal], object]] = {
    "aliases": lambda journal: journal.alias_moves,
    "tags": lambda journal: [
        journal.expected_digests(entry.tag)
        for transaction in journal.transactions
        for entry in transaction.entries
    ],
    "own digests": lambda journal: [journal.own_digests for _ in journal.transactions],
    "moved digests": lambda journal: [journal.moved_digests for _ in journal.transactions],
}


def ask_journal(name: str, releases: int) -> object:
    return QUESTIONS[name](make_journal(releases))


@pytest.mark.parametrize("name", QUESTIONS)
def test_steps_grow_with_the_journal(name: str) -> None:
    few, many = (
        count_steps(partial(ask_journal, name, size)) - count_steps(partial(make_journal, size))
        for size in (20, 80)
    )
    assert many < 4.4 * few


def test_the_last_move_of_an_alias_is_the_last_one() -> None:
    """A rollback undoes the moves of a release, and a tag goes back to the one before."""
    journal = make_journal(3)
    back = tuple(
        replace(entry, new=f"sha256:{1:064}", old=entry.new)
        for entry in journal.transactions[-1].entries
        if entry.alias
    )
    rolled = journal.with_transaction(
        Transaction("rollback", "v2.6.1", "a test", "2026-11-22T12:00:00Z", back, ("v2.6.2",))
    )
    last: dict[str, AliasMove] = {each.tag: each for each in rolled.alias_moves}
    assert {tag: each.version for tag, each in last.items()} == {
        "v2.6": "v2.6.1",
        "latest": "v2.6.1",
    }
    assert len(rolled.alias_moves) == 4


def test_the_open_transaction_has_moved_nothing_for_sure() -> None:
    journal = make_journal(2)
    last = journal.transactions[-1]
    opened = replace(last, entries=tuple(replace(each, state="planned") for each in last.entries))
    halfway = Journal((journal.transactions[0], opened))
    assert list(halfway.own_digests) == ["v2.6.0", "v2.6.1"]
    assert list(halfway.moved_digests) == ["v2.6.0"]


def test_the_picture_is_drawn_from_the_table() -> None:
    page = growth_plot.PAGE.read_text(encoding="utf-8")
    points = growth_plot.read_points(page)
    assert {(each.command, each.size) for each in points} == {
        (command, (size.images, size.releases, size.tags)) for command in COMMANDS for size in SIZES
    }
    assert growth_plot.PICTURE.read_text(encoding="utf-8") == growth_plot.draw_plot(points)
