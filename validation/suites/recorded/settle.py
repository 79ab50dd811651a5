"""Keep the calls, of those that a search found, that give the same under all conditions.

`... settle CALLS RESULTS STACKS PACKAGE...`: CALLS has the calls of each package, RESULTS gets what
they give, STACKS names the distributions of each stack.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from itertools import islice, zip_longest
from pathlib import Path

from ..contract import recorded_results
from ..contract.recorded_results import MISSING, Given, Results
from ..installed import normalise_name
from . import starting, surface

CONDITIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("", {}),
    ("", {"PYTHONHASHSEED": "5", "TZ": "Asia/Tokyo", "MALLOC_PERTURB_": "85"}),
    (
        "reversed",
        {
            # Another processor, without newer instructions: each library has its variable.
            "ATEN_CPU_CAPABILITY": "default",
            "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX",
            "OPENBLAS_CORETYPE": "Nehalem",
            "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
            "OPENCV_CPU_DISABLE": "AVX,AVX2,FP16",
            "MKL_CBWR": "COMPATIBLE",
            "ONEDNN_MAX_CPU_ISA": "SSE41",
            "PYTHONHASHSEED": "77",
            "MALLOC_PERTURB_": "170",  # memory that nobody wrote
            "LC_ALL": "C",
        },
    ),
    ("", {}),
)
"""The order of a replay, and the variables of its process."""

ELSEWHERE = 1
"""In this condition the code lies in another folder, and its lines have other numbers."""

ALONE = 3
"""In this condition the process does not find what other images with the package lack."""

MAX_CALLS = 60
MAX_EACH = 12
MAX_CLASS_CALLS = 3000
MAX_PAIRS = 12
PROCESS_S = 1200
MIN_ROUNDS, MAX_ROUNDS = 6, 12
ROUNDS_SECONDS = 20.0
"""Quick calls are repeated this long, and all MIN_ROUNDS times: what is drawn at random (the order
of a set, a tie in a hash map that no seed reaches) may give the same a few times.
"""
USELESS = ("!TypeError", "!AttributeError", "!NotImplementedError", "!IndexError")
"""How results begin that say that a call makes no sense."""

UNDEFINED = "where="
"""NumPy leaves results as memory is in the places that this option leaves out."""

ALWAYS = {"HOME", "PATH", "LANG", "PYTHONPATH", "CUDA_VISIBLE_DEVICES", "VIRTUAL_ENV"}


@dataclass(frozen=True)
class Hidden:
    """Modules and distributions that a process must not find."""

    modules: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()


def choose_calls(path: str, texts: list[str]) -> list[str]:
    """Return the calls that are kept: some of each method or scenario, few with two options."""
    is_scenario = path.startswith(f"{surface.SCENARIOS}.")
    groups: dict[str, list[str]] = {}
    pairs = Counter[str]()
    for text in texts:
        if UNDEFINED in text or surface.is_left_out(text.partition(":")[2].partition(":")[0]):
            continue
        name = text.split(",")[0] if is_scenario else text.partition(":")[2].partition(":")[0]
        if text.count("=") - text.startswith("=") > 1:
            pairs[name] += 1
            if pairs[name] > MAX_PAIRS:
                continue
        groups.setdefault(name, []).append(text)
    most = len(groups) * MAX_EACH if is_scenario else min(MAX_CLASS_CALLS, len(groups) * 8)
    most = max(MAX_CALLS, most)
    rounds = zip_longest(*(groups[name] for name in sorted(groups, key=rank_method)))
    chosen = (text for each in rounds for text in each if text is not None)
    return [*islice(chosen, most)]


def rank_method(method: str) -> int:
    """Return the place of a method: what a class is for comes first."""
    return -(method in surface.PRINCIPAL)


def list_variables(place: int, hidden: Hidden) -> dict[str, str]:
    """Return the variables of a process under one of the conditions."""
    known = {name: os.environ[name] for name in ALWAYS if name in os.environ}
    further = {"PYTHONPATH": ""} if place == ELSEWHERE else {}
    if place == ALONE:
        further = starting.hide(hidden.modules, hidden.distributions)
    return {**known, **CONDITIONS[place][1], **further}


def play_with(calls: Path, folder: Path, place: int, hidden: Hidden) -> Results:
    """Return what the calls give under one of the conditions.

    What ends the process is left out, and so is what cannot be called. `hidden` counts in the
    condition ALONE.
    """
    order = CONDITIONS[place][0]
    moved = starting.move_harness(folder / "moved") if place == ELSEWHERE else None
    report = folder / f"report{place}"
    wanted = json.loads(calls.read_text())
    given: Results = {}
    while True:
        words: list[object] = [calls, report, *([order] if order else [])]
        play_apart(
            starting.start_words("replay", *words, moved=moved), list_variables(place, hidden)
        )
        found, last = recorded_results.read_report(report)
        given |= {path: keep_given(each) for path, each in found.items() if each}
        if not last:
            return given
        done = set(found)
        if last not in wanted:
            raise SystemExit(f"a process that makes calls ended without a report, at {last}")
        print(f"{last} ends the process: it is left out", file=sys.stderr)
        wanted = {path: texts for path, texts in wanted.items() if path not in done}
        given.pop(last, None)
        calls = folder / f"left{place}.json"
        calls.write_text(json.dumps(wanted))


def play_apart(words: list[str], variables: dict[str, str]) -> None:
    """Run Python with words and variables, at most PROCESS_S seconds."""
    with subprocess.Popen(
        [sys.executable, *words],
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            process.wait(PROCESS_S)
        except subprocess.TimeoutExpired:
            process.kill()


def keep_given(given: Given) -> Given:
    """Return what calls gave, or how they were refused, if they make sense."""
    return {text: result for text, result in given.items() if not result.startswith(USELESS)}


def settle(calls: Path, folder: Path, hidden: Hidden) -> Results:
    """Return the results that all conditions give.

    At the end the kept calls are made alone, as the suite does: what the other ones left behind in
    the process must not count.
    """
    places = range(len(CONDITIONS))
    first, *others, alone = [play_with(calls, folder, place, hidden) for place in places]
    settled = keep_same(keep_same(first, others), [alone], may_lack=True)
    start = time.monotonic()
    for number in range(MAX_ROUNDS):
        calls.write_text(json.dumps(settled))
        again = keep_same(settled, [play_with(calls, folder, number % 2, hidden)])
        is_long = time.monotonic() - start > ROUNDS_SECONDS and number + 1 >= MIN_ROUNDS
        if again == settled and is_long:
            break
        settled = again
    return settled


def keep_same(results: Results, others: list[Results], *, may_lack: bool = False) -> Results:
    """Return the results that are the same in all others.

    With `may_lack`, a call may lack a package there that one of its values is of.
    """
    same: Results = {}
    for path, given in results.items():
        kept = {
            text: summary
            for text, summary in given.items()
            if summary[:1] != MISSING
            and all(
                recorded_results.is_same(got, summary) or (may_lack and got[:1] == MISSING)
                for got in (each.get(path, {}).get(text, "") for each in others)
            )
        }
        if kept:
            same[path] = kept
    return same


def list_hidden(package: str, stacks: dict[str, list[str]]) -> Hidden:
    """Return the modules and distributions that not every image with a package has.

    `stacks` are the distributions of each stack, with those of base.
    """
    modules = packages_distributions()
    names = {each: {normalise_name(name) for name in found} for each, found in modules.items()}
    having = [{*map(normalise_name, each)} for each in stacks.values()]
    having = [each for each in having if names[package] & each]
    everywhere = having[0].intersection(*having) if having else set[str]()
    known = {normalise_name(name) for each in stacks.values() for name in each}
    hidden = [name for name, found in names.items() if found & known and not found & everywhere]
    return Hidden(tuple(hidden), tuple(sorted(known - everywhere)))


def is_left_out(path: str) -> bool:
    """Return whether a function is not called; a program may have any name."""
    module, _, name = path.rpartition(".")
    is_test = ".tests." in path
    return module != surface.SCENARIOS and (is_test or surface.is_left_out(name))


def find_version(package: str) -> str:
    """Return the version of the distribution that a package is of."""
    return version(packages_distributions()[package][0])


def main(source: Path, target: Path, stacks: Path, *packages: str) -> None:
    """Settle the calls of each of the packages that is installed."""
    records, known = {}, json.loads(stacks.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        for package, calls in json.loads(source.read_text(encoding="utf-8")).items():
            if package not in surface.list_packages() or package not in packages:
                continue
            chosen = {
                path: choose_calls(path, texts)
                for path, texts in calls.items()
                if not is_left_out(path)
            }
            mine = Path(folder) / f"{package}.json"
            mine.write_text(json.dumps(chosen))
            results = settle(mine, Path(folder), list_hidden(package, known))
            counts = [sum(map(len, each.values())) for each in (chosen, results)]
            print(f"{package}: {counts[0]} calls, {counts[1]} kept", file=sys.stderr)
            records[package] = recorded_results.Record(find_version(package), results)
    fields = {"packages": {name: dataclasses.asdict(each) for name, each in records.items()}}
    target.write_text(json.dumps(fields), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:])
