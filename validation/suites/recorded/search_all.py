"""Search calls of all packages that are installed: `... search_all KNOWN FOUND PACKAGE...`.

With `--combine`, variations of the known calls are searched, with several options at once.

KNOWN has calls by package and function; FOUND gets them, and those that are found besides. Of
`PACKAGE=START` only the names are searched that begin so: `torch=scenarios.train_with`.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import inspect
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from . import apart, calls, combining, pool, scenarios, search, surface
from .executed_lines import Executed, Lines, find_root

COMBINE = "--combine"
UNCHECKED = {"cv2"}
"""Packages that write beyond what they are given if it does not suit: nothing is drawn for them."""

LIMIT_S = 60
"""For the search of one function or class; some wait for something that does not come."""

Work = Callable[[search.Learned], None]
Calls = dict[str, list[str]]
"""The calls of each function or class."""


@dataclass
class FoundCalls:
    """The calls of a function or class, those that execute new lines first, and what they took."""

    new: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    lines: Lines = field(default_factory=dict)
    taken: search.Taken = field(default_factory=dict)


def list_combining(package: str, known: Calls) -> list[tuple[str, Work]]:
    """Return for each function and class what varies its known calls."""
    if package in UNCHECKED:
        return []
    return [
        (path, functools.partial(combining.search_combinations, package, called, known[path]))
        for path, called in surface.list_callables(package).items()
        if path in known
    ]


def list_works(package: str, known: Calls) -> list[tuple[str, Work]]:
    """Return a search for each function and class of a package, and for each of a family."""
    in_family, covered = [], set()
    for family in scenarios.FAMILIES.get(package, ()):
        for name in family.list_names():
            with contextlib.suppress(Exception):  # it needs a package that is not there
                kind = family.find(name)
                covered |= {id(kind)} if inspect.isclass(kind) else set()
                in_family.append((family, name))
    works: list[tuple[str, Work]] = []
    for path, called in surface.list_callables(package).items():
        if id(called) not in covered:
            work = functools.partial(search.search_calls, package, called, known.get(path, []))
            works.append((path, work))
    for family, name in in_family:
        path = f"{surface.SCENARIOS}.{family.program.__name__}"
        work = functools.partial(search.search_scenario, package, family, name, known.get(path, []))
        works.append((path, work))
    return works


def search_package(package: str, start: str, known: Calls, *, is_combining: bool) -> Calls:
    """Return the calls of each name of a package that begins so and that give something.

    Names that are known and not found stay: other versions have them.
    """
    pool.list_kinds(package)  # once, not in each child
    learned = search.Learned(Executed(find_root(package)))
    found: dict[str, FoundCalls] = {}
    for path, work in (list_combining if is_combining else list_works)(package, known):
        if not path.startswith(start):
            continue
        each = search_apart(work, learned)
        learned.add(each.taken)
        learned.executed.add(each.lines)
        before = found.setdefault(path, FoundCalls())
        before.new += each.new
        before.others += each.others
    print("{}: {} of {} lines".format(package, *learned.executed.count()), file=sys.stderr)
    texts = {path: [*dict.fromkeys(each.new + each.others)] for path, each in found.items()}
    return known | {path: each for path, each in texts.items() if each}


def search_apart(work: Work, learned: search.Learned) -> FoundCalls:
    """Search in a child process, which may end badly; return what it found and learned."""
    text = apart.read_apart(functools.partial(write_found, work, learned), LIMIT_S + 5)
    lines = text.splitlines(keepends=True)
    return read_found([json.loads(line) for line in lines if line.endswith(b"\n")])


def read_found(reports: list[Any]) -> FoundCalls:
    """Return what a child process reported: calls with their new lines, or what values took."""
    found = FoundCalls()
    for report in reports:
        if isinstance(report, dict):
            found.taken = report
            continue
        text, new = report
        (found.new if new else found.others).append(text)
        for file, numbers in new.items():
            found.lines.setdefault(file, []).extend(numbers)
    return found


def write_found(work: Work, learned: search.Learned, writer: int) -> None:
    """Search, and write each call that is found, and then what was learned."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    # A number that no call closes.
    with os.fdopen(fcntl.fcntl(writer, fcntl.F_DUPFD, 100), "w") as target:

        def write(*found: object) -> None:
            target.write(f"{json.dumps(found)}\n")
            target.flush()

        learned.report = write
        with calls.quietly():
            work(learned)
        target.write(f"{json.dumps(learned.taken)}\n")


def main(known: Path, found: Path, *packages: str) -> None:
    """Search, package by package."""
    torch.set_num_threads(1)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # its threads do not live on in a child
    all_calls: dict[str, Calls] = json.loads(known.read_text(encoding="utf-8"))
    starts = dict(each.partition("=")[::2] for each in packages if each != COMBINE)
    for package in [each for each in surface.list_packages() if each in starts]:
        known_calls = all_calls.get(package, {})
        all_calls[package] = search_package(
            package, starts[package], known_calls, is_combining=COMBINE in packages
        )
        count = sum(map(len, all_calls[package].values()))
        print(f"{package}: {len(all_calls[package])} names, {count} calls", file=sys.stderr)
    found.write_text(json.dumps(all_calls), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
