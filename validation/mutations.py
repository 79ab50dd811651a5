"""Counts changes of code that recorded calls notice.

    .venv/bin/python -m validation.mutations LINE IMAGE PACKAGE COUNT

In a container of IMAGE, the locked wheels of LINE and of all its stacks are installed into a clean
environment, as for `validation.recording`. There small changes of the functions of PACKAGE are made
one by one: an option is ignored, a comparison is turned round, a statement is gone. COUNT changes
are drawn, by a fixed seed, from all functions that recorded calls execute. If COUNT is `options`,
each option of each public function is ignored instead.

The changes that no call notices are listed, then come the counts. Not all of them matter: some
change nothing that a user can see.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from images import catalog
from runner import progress, records
from runner.errors import ConfigError, GateRefused, ReleaseError
from runner.untrusted import clean_line
from validation import clean_machine
from validation.recording import STACKS
from validation.suites.contract import recorded_results

USAGE = "run `.venv/bin/python -m validation.mutations LINE IMAGE PACKAGE COUNT`"
OPTIONS = "options"
RESULT = "mutations.json"
MAX_VALUES = 400_000
WORDS = 4


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
    """The changes that a container wrote."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    changes: tuple[TriedChange, ...]


def main(words: Sequence[str]) -> int:
    """Try changes of a package, list those that are not noticed, and return the exit code."""
    try:
        if len(words) != WORDS or not (words[-1] == OPTIONS or words[-1].isdecimal()):
            raise ConfigError(
                f"a LINE, an IMAGE, a PACKAGE and a number or `{OPTIONS}` are needed", USAGE
            )
        line, reference, package, count = words
        if line not in catalog.load_catalog().lines:
            raise ConfigError(f"there is no line {line} in images/catalog.yaml", USAGE)
        if package not in recorded_results.MODULES:
            known = f"name one of {', '.join(recorded_results.MODULES)}"
            raise ConfigError(f"there is no recorded package {package}", known)
        _report_changes(line, reference, package, count)
    except ReleaseError as error:
        progress.say_line(f"error: {error}")
        return error.exit_code
    return 0


def _report_changes(line: str, reference: str, package: str, count: str) -> None:
    """Try changes in a container of `reference`; print those that are not noticed, and counts."""
    work = clean_machine.Work(
        "recorded.take_mutations",
        {"line": line, "package": package, "count": count},
        {},
        RESULT,
        f"the changes of {package}",
    )
    text = clean_machine.run_work(work, line, clean_machine.list_wheels(line, STACKS), reference)
    try:
        changes = records.from_json(TriedChanges, text, "its changes", MAX_VALUES).changes
    except ConfigError as error:
        problem = f"{reference} wrote no changes: {error}"
        raise GateRefused(problem, clean_machine.HINT) from None
    missed = [each for each in changes if not each.call]
    for each in missed:
        shown = f"{each.place}, {each.function}: {each.change}"
        progress.say_line(f"not noticed: {clean_line(shown)}")
    noticed = len(changes) - len(missed)
    progress.say_line(f"{package}: {noticed} of {len(changes)} changes are noticed")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
