"""See which small changes of a package the recorded calls notice.

`... mutate LINE PACKAGE COUNT FILE`: COUNT changes are drawn from all of the functions that
recorded calls execute. If COUNT is `options`, each option of each public function and method is
ignored instead, also of those that no recorded call executes.

A change is made in a child process, which makes the calls that execute the function until one gives
something else. FILE gets what became of each change, and how many could not be tried: no call that
executes the function gives the same each time, or the function cannot be replaced. What is not
tried after BUDGET_S counts among them.
"""

from __future__ import annotations

import collections
import functools
import inspect
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from ..contract import recorded_results
from . import apart, calls, executed_lines, mutations, replay, surface
from .mutations import Key, Mutation

OPTIONS = "options"
SEED = 5
LIMIT_S = 20
BUDGET_S = 6000
PLAY_S = 2.0
"""For the calls of one change; those that take the least come first."""

DIED = "the process ended"

Call = tuple[str, str]
"""The name of a function or program, and the text of the call."""

Given = dict[Call, str]


@dataclass
class Played:
    """The results and times of calls, and the calls that execute each function."""

    given: Given = field(default_factory=dict)
    seconds: dict[Call, float] = field(default_factory=dict)
    callers: dict[Key, list[Call]] = field(default_factory=lambda: collections.defaultdict(list))


def play_record(line: str, package: str) -> Played:
    """Make all recorded calls, and note which functions each executes."""
    record = recorded_results.read_record(line, package)
    if record is None:
        raise SystemExit(f"line {line} has no results of {package}")
    root, played = executed_lines.find_root(package), Played()
    for path in replay.order_names(record.results, is_reversed=False):
        for text in record.results[path]:
            keys = set[Key]()

            def enter(frame: FrameType, event: str, _: Any, keys: set[Key] = keys) -> None:
                if frame.f_code.co_filename.startswith(root):
                    keys.add(mutations.key_of(frame.f_code))

            start = time.monotonic()
            sys.settrace(enter)
            try:
                played.given[path, text] = play((path, text))
            finally:
                sys.settrace(None)
            played.seconds[path, text] = time.monotonic() - start
            for key in keys:
                played.callers[key].append((path, text))
    return played


def play(call: Call) -> str:
    """Return what a call gives; empty if there is no such function."""
    with calls.quietly(), calls.guard_process():
        try:
            called = replay.find_called(call[0])
        except (ImportError, AttributeError):
            return ""
        return calls.play_call(called, call[1])


def choose_calls(played: Played, key: Key) -> list[Call]:
    """Return calls that execute a function, the quickest first."""
    chosen: list[Call] = []
    total = 0.0
    for call in sorted(played.callers.get(key, ()), key=played.seconds.__getitem__):
        total += played.seconds[call]
        if chosen and total > PLAY_S:
            break
        chosen.append(call)
    return chosen


def work_apart(work: Callable[[], Any], mutation: Mutation | None = None) -> Any:
    """Return what is done in a child process with a change; None if it ended badly."""

    def tell(writer: int) -> None:
        if mutation:
            mutation.apply()
        with os.fdopen(writer, "w") as stream:
            json.dump(work(), stream)

    try:
        return json.loads(apart.read_apart(tell, LIMIT_S))
    except ValueError:
        return None


def list_different(given: Given, most: int) -> list[Call]:
    """Return so many calls at most that give something else now."""
    different: list[Call] = []
    for call, wanted in given.items():
        if len(different) < most and not recorded_results.is_same(play(call), wanted):
            different.append(call)
    return different


def try_changes(
    played: Played, key: Key, places: list[int], end: float
) -> Iterator[dict[str, Any] | None]:
    """Yield what became of each change of a function: `call` is the one that sees it.

    None is for a change that cannot be tried, or not before `end`.
    """
    if time.monotonic() > end:
        yield from [None] * len(places)
        return
    chosen = {call: played.given[call] for call in choose_calls(played, key)}
    unsteady = work_apart(functools.partial(list_different, chosen, len(chosen)))
    steady = {call: result for call, result in chosen.items() if [*call] not in (unsteady or [])}
    cannot = unsteady is None or bool(chosen and not steady)
    for place in places:
        is_left_out = cannot or time.monotonic() > end
        mutation = None if is_left_out else mutations.make_mutation(key, place)
        if mutation is None or not mutation.fits():
            yield None
            continue
        seen = work_apart(functools.partial(list_different, steady, 1), mutation)
        by = DIED if seen is None else "".join(f"{path}({text})" for path, text in seen)
        line = f"{key[0].rpartition('site-packages/')[2]}:{mutation.line}"
        yield {"place": line, "function": key[1], "change": mutation.what, "call": by}


def draw_places(played: Played, count: int) -> dict[Key, list[int]]:
    """Return the places of changes that are drawn, by function."""
    used = sorted(filter(is_used, played.callers))
    every = [(key, place) for key in used for place in range(mutations.count_changes(key))]
    drawn = random.Random(SEED).sample(every, min(count, len(every)))
    by_function: dict[Key, list[int]] = collections.defaultdict(list)
    for key, place in sorted(drawn):
        by_function[key].append(place)
    return by_function


def list_options(package: str) -> dict[Key, list[int]]:
    """Return the places of the options of each public function and method."""
    found: dict[Key, list[int]] = {}
    for called in surface.list_callables(package).values():
        members: list[Any] = [called]
        if inspect.isclass(called):
            names = ["__init__", "__call__", *surface.list_methods(called, package, False)]
            members = [vars(called).get(name) for name in names]
        for member in members:
            code = getattr(inspect.unwrap(getattr(member, "__func__", member)), "__code__", None)
            key = mutations.key_of(code) if code else ("", "", 0)
            if is_used(key):
                found[key] = [*range(mutations.count_options(key))]
    return dict(sorted(found.items()))


def is_used(key: Key) -> bool:
    """Return whether users call a function: it is no template and in no test of the package."""
    return key[0].endswith(".py") and not {"tests", "testing"} & {*Path(key[0]).parts}


def main(line: str, package: str, count: str, target: str) -> None:
    """Try the changes, and write what became of each."""
    torch.set_num_threads(1)
    os.chdir(tempfile.mkdtemp())
    end = time.monotonic() + BUDGET_S
    played = play_record(line, package)
    wanted = list_options(package) if count == OPTIONS else draw_places(played, int(count))
    rows = [row for key, places in wanted.items() for row in try_changes(played, key, places, end)]
    tried = [row for row in rows if row]
    report = {"changes": tried, "untried": len(rows) - len(tried)}
    Path(target).write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
