"""How the results of an image differ from the recorded ones, in words for people."""

from __future__ import annotations

import importlib.util
import json
import os
from collections import defaultdict
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from pathlib import Path

from .. import installed, new_python
from ..contract import pristine_state, recorded_results
from ..contract.expected import Expected
from ..contract.recorded_results import Results
from ..outcome import require
from . import starting, surface

NOT_WRITTEN = "the results of the line were not recorded again after its locks changed"
OTHER_RESULTS = (
    "code of the package that does something else than in the locked wheels, "
    "or a setting of the image that changes results"
)
IN_EACH_IMAGE = {"torch", "torchvision", "numpy", "PIL"}
LIMIT_S = 240
"""For all calls of a package: a hang, not slowness."""

SHOWN = 6
SHOWN_CALLS = 2


@dataclass(frozen=True)
class ChangedResult:
    """A call of a function or class that gives something else than when it was recorded."""

    path: str
    text: str
    got: str
    wanted: str

    def __str__(self) -> str:
        first, method, rest = (*self.text.split(":"), "", "")[:3]
        called = f"{self.path}({first.removeprefix('=')})"
        shown = f"{called}.{method}({rest})" if method else called
        return f"{shown} gives {self.got or 'nothing'}, recorded is {self.wanted}"


def find_differences(given: Results, recorded: Results) -> list[ChangedResult]:
    """Return the calls that give something else, those of the most changed functions first.

    Programs come last: they use many functions, so they tell less about the cause.
    """
    found: dict[str, list[ChangedResult]] = defaultdict(list)
    for path, results in recorded.items():
        for text, wanted in results.items():
            got = given.get(path, {}).get(text, "")
            # Other stacks have packages that this image may lack.
            if not is_elsewhere(got) and not recorded_results.is_same(got, wanted):
                found[path].append(ChangedResult(path, text, got, wanted))
    shares = {path: len(each) / len(recorded[path]) for path, each in found.items()}
    programs = f"{surface.SCENARIOS}."
    paths = sorted(found, key=lambda path: (path.startswith(programs), -shares[path]))
    return [each for path in paths for each in found[path]]


def is_elsewhere(got: str) -> bool:
    """Return whether a call needs a package that the image does not have."""
    is_missing = got[:1] == recorded_results.MISSING
    return is_missing and importlib.util.find_spec(got[1:].partition(".")[0]) is None


def describe_differences(differences: list[ChangedResult], count: int) -> str:
    """Return which functions give something else, the first with their calls."""
    paths = [*dict.fromkeys(each.path for each in differences)]
    firsts = {path: next(each for each in differences if each.path == path) for path in paths}
    shown = "; ".join(map(str, [*firsts.values()][:SHOWN_CALLS]))
    others = ", ".join(paths[SHOWN_CALLS : SHOWN_CALLS + SHOWN])
    more = len(paths) - SHOWN_CALLS - SHOWN
    last = f"; so do {others}{f' and {more} more' if more > 0 else ''}" if others else ""
    return f"{len(differences)} of {count} recorded calls give something else: {shown}{last}"


def require_results(expected: Expected, package: str, folder: Path) -> int:
    """Fail the check unless a package gives what is recorded; return how many calls were made.

    None are made if the lock of the image does not have the package, or if a derived image has
    another version. Fails the check if nothing is recorded for the locked version.
    """
    name = find_distribution(package)
    locked = dict(expected.packages).get(installed.normalise_name(name), "")
    if not locked and package not in IN_EACH_IMAGE:
        return 0
    line = pristine_state.line_of(expected)
    record = recorded_results.read_record(line, package)
    has = f"results of {record.version}" if record else "no results"
    require(
        record is not None and (record.version == locked or expected.derived),
        f"{has} of {package} are recorded for line {line}, which locks {locked}",
        f"those of {locked}: {recorded_results.WRITE}",
        NOT_WRITTEN,
    )
    if record is None or version(name) != record.version:  # a derived image may have another one
        return 0
    given = make_calls(package, record.results, folder)
    differences = find_differences(given, record.results)
    count = sum(map(len, record.results.values()))
    wanted = "what the locked wheels gave on a clean machine"
    require(not differences, describe_differences(differences, count), wanted, OTHER_RESULTS)
    return count


def make_calls(package: str, recorded: Results, folder: Path) -> Results:
    """Return what the recorded calls of a package give, made in a process of their own."""
    calls, report = folder / "calls.json", folder / "report"
    calls.write_text(json.dumps(recorded))
    variables = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    words = starting.start_words("replay", calls, report)
    ended = new_python.run_python(words, folder, variables, LIMIT_S)
    given, last = recorded_results.read_report(report)
    require(
        not last,
        f"a process that makes the recorded calls of {package} {ended}, at {last}",
        "all calls to be made",
        "a function that ends the process, or does not end",
    )
    return given


def find_distribution(package: str) -> str:
    """Return the name of the distribution that a package is of."""
    return packages_distributions().get(package, [package])[0]
