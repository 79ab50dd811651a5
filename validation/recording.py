"""Record results of packages: `python -m validation.recording LINE IMAGE [--search] [PACKAGE...]`.

In a container of IMAGE, the locked wheels of LINE and of all its stacks are installed into a clean
environment. The calls that `suites/recorded/results/` has for any line are made there, and what
gives the same under several conditions is kept for this line. Run it for a new line and after the
locks have changed, read what `git diff` shows, and commit it: a changed result is a change of
behaviour that users will see.

Without a PACKAGE all are recorded. With `--search`, calls of all public functions and classes are
searched first; that takes much longer.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from images.locks import Wheel
from runner import progress, records
from runner.errors import ConfigError, GateRefused
from runner.nouns import count_noun
from runner.untrusted import clean_line
from validation import clean_machine
from validation.suites.contract import recorded_results as results_of

SEARCH = "--search"
RESULTS = "results.json"
STACKS = ("base", "cv", "nlp", "rl", "jupyter")
"""The stacks with packages whose results are recorded."""

MAX_VALUES = 400_000
SHOWN = 8


@dataclass(frozen=True)
class TakenResults:
    """The results that a container wrote, by package."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    packages: dict[str, results_of.Record]


def main(words: Sequence[str]) -> int:
    """Record the results of the line in `words`; return the exit code."""
    plain = [word for word in words if word != SEARCH]
    return clean_machine.run_command(lambda: _record_line(plain, is_search=SEARCH in words))


def _record_line(words: Sequence[str], *, is_search: bool) -> None:
    """Take the results of packages and keep them."""
    if len(words) < 2:
        raise ConfigError("a LINE and an IMAGE are needed", results_of.WRITE)
    line, reference, *named = words
    clean_machine.require_line(line, results_of.WRITE)
    wheels = clean_machine.list_wheels(line, STACKS)
    packages = choose_packages(line, named, wheels)
    stacks = {stack: [*clean_machine.list_wheels(line, ("base", stack))] for stack in STACKS}
    with explain_damage():
        calls = results_of.list_calls()
        known = {package: results_of.read_record(line, package) for package in packages}
    work = clean_machine.Work(
        "recorded.take_results",
        {"search": is_search, "packages": packages},
        {"calls.json": json.dumps(calls), "stacks.json": json.dumps(stacks)},
        RESULTS,
        f"the results of line {line}",
    )
    text = clean_machine.run_work(work, line, wheels, reference)
    taken = read_results(text, reference, {each: find_version(each, wheels) for each in packages})
    for package, record in taken.packages.items():
        _keep_record(line, package, known[package], record)


def choose_packages(line: str, named: Sequence[str], wheels: Mapping[str, Wheel]) -> list[str]:
    """Return the packages to record: those that are named, or all that a line has.

    Raises ConfigError if one is not recorded, or if the line does not have it.
    """
    unknown = sorted({*named} - results_of.MODULES.keys())
    if unknown:
        known = f"name packages of {', '.join(results_of.MODULES)}"
        raise ConfigError(f"there are no recorded packages {', '.join(unknown)}", known)
    here = [each for each in results_of.MODULES if results_of.find_distribution(each) in wheels]
    lacking = sorted({*named} - {*here})
    if lacking:
        known = f"name packages of {', '.join(here)}"
        raise ConfigError(f"line {line} has no {', '.join(lacking)}", known)
    return [*named] or here


def find_version(package: str, wheels: Mapping[str, Wheel]) -> str:
    """Return the locked version of a package."""
    return wheels[results_of.find_distribution(package)].version


@contextlib.contextmanager
def explain_damage() -> Iterator[None]:
    """Raise ConfigError if a file with results cannot be read."""
    try:
        yield
    except ValueError as error:
        raise ConfigError(clean_line(str(error)), "restore the file from git") from None


def _keep_record(
    line: str, package: str, before: results_of.Record | None, record: results_of.Record
) -> None:
    """Write the results of a package, and say what is other than before."""
    known = before.results if before else {}
    kept = results_of.keep_known(known, record.results)
    text = results_of.render_record(results_of.Record(record.version, kept))
    records.write_text(results_of.find_file(line, package), text)
    count = sum(map(len, record.results.values()))
    progress.say_line(f"recorded of {package} {record.version}: {count_noun(count, 'call')}")
    if before is None:
        return
    changed = results_of.list_changed(known, record.results)
    for calls, what in (
        (changed, f"gave something else with {before.version}"),
        (results_of.list_lost(known, record.results), "cannot be recorded any more"),
    ):
        if calls:
            progress.say_line(describe_calls(calls, what))


def describe_calls(calls: list[str], what: str) -> str:
    """Return what is other than before with so many calls, and the names of some."""
    shown = ", ".join(calls[:SHOWN])
    more = f" and {len(calls) - SHOWN} more" if len(calls) > SHOWN else ""
    return f"  {count_noun(len(calls), 'call')} {what}, read why: {shown}{more}"


def read_results(text: bytes, reference: str, versions: Mapping[str, str]) -> TakenResults:
    """Return the results that an image wrote.

    Raises GateRefused if they are none, or not those of the packages with these `versions`.
    """
    try:
        taken = records.from_json(TakenResults, text, "its results", MAX_VALUES)
    except ConfigError as error:
        problem = f"{reference} wrote no results: {error.message}"
        raise GateRefused(problem, clean_machine.HINT) from None
    found = {package: record.version for package, record in taken.packages.items()}
    if found != versions:
        shown = ", ".join(f"{name} {version}" for name, version in sorted(found.items()))
        wanted = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
        problem = f"{reference} wrote results of {shown or 'no package'}, and not of {wanted}"
        raise GateRefused(clean_line(problem), clean_machine.HINT)
    return taken


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
