"""Count the changes of code that recorded calls notice.

    .venv/bin/python -m validation.mutations LINE IMAGE PACKAGE COUNT

In a container of IMAGE, the locked wheels of LINE and of all its stacks are installed into a clean
environment, as for `validation.recording`. There small changes of the functions of PACKAGE are made
one by one: an option is ignored, a comparison is turned round, a statement is gone. COUNT changes
are drawn, by a fixed seed, from all functions that recorded calls execute. If COUNT is `options`,
each option of each public function is ignored instead.

The changes that no call notices are listed, then come the counts. Not all of them matter: some
change nothing that a user can see. After 100 minutes no further change is tried.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from runner import progress, records
from runner.errors import ConfigError, GateRefused
from runner.nouns import count_noun
from runner.untrusted import clean_line
from validation import clean_machine
from validation.recording import STACKS, choose_packages, explain_damage
from validation.suites.contract import recorded_results

USAGE = "run `.venv/bin/python -m validation.mutations LINE IMAGE PACKAGE COUNT`"
OPTIONS = "options"
RESULT = "mutations.json"
MAX_VALUES = 400_000
WORDS = 4
COUNT = re.compile(rf"[1-9][0-9]{{0,3}}|{OPTIONS}")


@dataclass(frozen=True)
class TriedChange:
    """A change of a function, and the call that gave something else; empty if none did."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    place: str
    function: str
    change: str
    call: str


@dataclass(frozen=True)
class TriedChanges:
    """The changes that a container wrote, and how many could not be tried."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    changes: tuple[TriedChange, ...]
    untried: int


def main(words: Sequence[str]) -> int:
    """Try changes of a package, list those that are not noticed, and return the exit code."""
    return clean_machine.run_command(lambda: _report_changes(words))


def _report_changes(words: Sequence[str]) -> None:
    """Try changes in a container; print those that are not noticed, and counts."""
    if len(words) != WORDS:
        raise ConfigError("a LINE, an IMAGE, a PACKAGE and a COUNT are needed", USAGE)
    line, reference, package, count = words
    if not COUNT.fullmatch(count):
        given = clean_line(count, 40)
        raise ConfigError(f"COUNT is {given}, and not from 1 to 9999 or `{OPTIONS}`", USAGE)
    clean_machine.require_line(line, USAGE)
    wheels = clean_machine.list_wheels(line, STACKS)
    choose_packages(line, [package], wheels)
    with explain_damage():
        if recorded_results.read_record(line, package) is None:
            problem = f"line {line} has no recorded results of {package}"
            raise ConfigError(problem, recorded_results.WRITE)
    work = clean_machine.Work(
        "recorded.take_mutations",
        {"line": line, "package": package, "count": count},
        {},
        RESULT,
        f"the changes of {package}",
    )
    tried = read_changes(clean_machine.run_work(work, line, wheels, reference), reference)
    missed = [each for each in tried.changes if not each.call]
    for each in missed:
        shown = f"{each.place}, {each.function}: {each.change}"
        progress.say_line(f"not noticed: {clean_line(shown)}")
    every = len(tried.changes)
    noticed = f"{every - len(missed)} of {count_noun(every, 'change')}"
    progress.say_line(f"{package}: noticed {noticed}")
    if tried.untried:
        more = count_noun(tried.untried, "more change")
        why = "no call gives the same each time, the function cannot be replaced, or time is over"
        progress.say_line(f"not tried: {more}; {why}")


def read_changes(text: bytes, reference: str) -> TriedChanges:
    """Return the changes that an image wrote. Raises GateRefused if they are none."""
    try:
        tried = records.from_json(TriedChanges, text, "its changes", MAX_VALUES)
    except ConfigError as error:
        problem = f"{reference} wrote no changes: {error.message}"
        raise GateRefused(problem, clean_machine.HINT) from None
    if not tried.changes:
        raise GateRefused(f"{reference} tried no change", clean_machine.HINT)
    return tried


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
