"""Calls with several options at once, drawn at random from what single calls have.

A search tries each option alone. What an option does with another one, or with other values, is
found by chance here: each call that gives something that no other one gives is kept, and some that
are refused.
"""

from __future__ import annotations

import random
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from . import calls, search, settle, surface
from .search import Learned, Parameters, Search

TRIES = 120
KEPT_CALLS, KEPT_METHOD = 6, 2
KEPT_REFUSALS = 2
FUNCTION_S, METHOD_S = 0.5, 0.15
BEST = 14
"""Of the values for a parameter: the most promising ones."""

MAX_OPTIONS = 3


def search_combinations(package: str, called: Any, known: list[str], learned: Learned) -> None:
    """Record the known calls, and variations of them."""
    looking = Search(package, called, learned, 0)
    for text in known:
        learned.report(text, {})
    groups: dict[str, list[str]] = defaultdict(list)
    for text in known:
        groups[text.partition(":")[2].partition(":")[0]].append(text)
    for method, texts in groups.items():
        if not surface.is_left_out(method):
            vary_group(looking, method, texts)


def vary_group(looking: Search, method: str, known: list[str]) -> None:
    """Record variations of the calls of a function or of one method."""
    draw = random.Random(zlib.crc32(f"{looking.called} {method}".split(" at ")[0].encode()))
    seen = {looking.play(text) for text in known}
    most, refusals = KEPT_METHOD if method else KEPT_CALLS, KEPT_REFUSALS
    ends = time.process_time() + (METHOD_S if method else FUNCTION_S)
    drawn = draw_calls(looking, method, known, draw)
    for _, text in zip(range(TRIES), drawn, strict=False):
        if time.process_time() > ends or not most:
            break
        given = play(looking, text)
        is_refused = given[:1] == "!"
        if not given or given in seen or given.startswith(settle.USELESS) or "where=" in text:
            continue
        if is_refused and not refusals:
            continue
        seen.add(given)
        most, refusals = most - (not is_refused), refusals - is_refused
        looking.learned.report(text, {})


def play(looking: Search, text: str) -> str:
    """Return what a call gives, or the error that refuses it; empty if it takes too long."""
    begun = time.process_time()
    with calls.guard_process() as has_changed, search.limit_time(search.CALL_S):
        given = calls.play_call(looking.called, text)
        is_slow = time.process_time() - begun > search.MAX_S
        return "" if has_changed() or is_slow else given
    return ""


def draw_calls(
    looking: Search, method: str, known: list[str], draw: random.Random
) -> Iterator[str]:
    """Yield calls with other values and more options than known ones, without an end."""
    called = looking.called
    member = getattr(called, method, None) if method else called
    own = read_values(looking, member)
    making = read_values(looking, called) if method else ({}, {})
    while True:
        first, _, rest = draw.choice(known).partition(":")
        if not method:
            yield change_words(first, own, draw)
            continue
        words = rest.partition(":")[2]
        is_made = first[:1] != "="
        if is_made and draw.random() < 0.5:
            first = change_words(first, making, draw)
        yield f"{first}:{method}:{change_words(words, own, draw)}"


Values = tuple[Mapping[str, list[str]], Mapping[str, list[str]]]
"""Values of each parameter that is needed, and of each option."""


def read_values(looking: Search, called: Any) -> Values:
    """Return which values the parameters of a call may have, the most promising ones."""
    parameters = search.read_parameters(called) if callable(called) else Parameters()
    needed = {
        name: looking.rank(name, kind, parameters.words)[:BEST]
        for name, kind in parameters.needed
        if name not in ("self", "cls")
    }
    return needed, {name: each for name, each in looking.list_options(parameters).items() if each}


def change_words(words: str, values: Values, draw: random.Random) -> str:
    """Return the words of a call with another value or none, and with some options more."""
    needed, options = values
    tokens = [word for word in words.split(",") if word]
    given = [place for place, word in enumerate(tokens) if "=" not in word]
    if given and needed and draw.random() < 0.6:
        place = draw.choice(given)
        names = [*needed]
        tokens[place] = draw.choice(needed[names[min(place, len(names) - 1)]])
    named = {word.partition("=")[0] for word in tokens if "=" in word}
    free = [name for name in options if name not in named]
    for name in draw.sample(free, min(len(free), draw.randint(0, MAX_OPTIONS))):
        tokens.append(f"{name}={draw.choice(options[name])}")
    places = [word for word in tokens if "=" not in word]
    return ",".join([*places, *(word for word in tokens if "=" in word)])
