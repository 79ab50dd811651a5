"""Records results of packages: `python -m validation.recording LINE IMAGE [PACKAGE...]`.

In a container of IMAGE, the locked wheels of LINE and of all its stacks are installed into a clean
environment. The calls that `suites/recorded/results/` has for any line are made there, and what
gives the same under several conditions is kept for this line. Run it for a new line and after the
locks have changed, read what `git diff` shows, and commit it: a changed result is a change of
behaviour that users will see.

Without a PACKAGE all are recorded. With `--search`, calls of all public functions and classes are
searched first; that takes much longer.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from images import catalog
from runner import progress, records
from runner.errors import ConfigError, GateRefused, ReleaseError
from runner.nouns import count_noun
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
    try:
        plain = [word for word in words if word != SEARCH]
        if len(plain) < 2 or plain[0] not in catalog.load_catalog().lines:
            raise ConfigError(
                "a LINE of images/catalog.yaml and an IMAGE are needed", results_of.WRITE
            )
        line, reference, *packages = plain
        unknown = sorted({*packages} - results_of.MODULES.keys())
        if unknown:
            known = f"name packages of {', '.join(results_of.MODULES)}"
            raise ConfigError(f"there are no recorded packages {', '.join(unknown)}", known)
        _record_line(line, reference, packages or [*results_of.MODULES], is_search=SEARCH in words)
    except ReleaseError as error:
        progress.say_line(f"error: {error}")
        return error.exit_code
    return 0


def _record_line(line: str, reference: str, packages: list[str], *, is_search: bool) -> None:
    """Take the results of packages and keep them."""
    wheels = clean_machine.list_wheels(line, STACKS)
    stacks = {stack: [*clean_machine.list_wheels(line, ("base", stack))] for stack in STACKS}
    work = clean_machine.Work(
        "recorded.take_results",
        {"search": is_search, "packages": packages},
        {
            "calls.json": json.dumps(results_of.list_calls()),
            "stacks.json": json.dumps(stacks),
        },
        RESULTS,
        f"the results of line {line}",
    )
    taken = read_results(clean_machine.run_work(work, line, wheels, reference), reference)
    for package, record in taken.packages.items():
        before = results_of.read_record(line, package)
        kept = results_of.keep_known(before.results if before else {}, record.results)
        text = results_of.render_record(results_of.Record(record.version, kept))
        records.write_text(results_of.find_file(line, package), text)
        count = sum(map(len, record.results.values()))
        progress.say_line(f"recorded of {package} {record.version}: {count_noun(count, 'call')}")
        changed = results_of.list_changed(before.results, record.results) if before else []
        if before and changed:
            progress.say_line(describe_changed(before.version, changed))


def describe_changed(version: str, changed: list[str]) -> str:
    """Return which calls give something else than with the version before."""
    shown = ", ".join(changed[:SHOWN])
    more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
    calls = count_noun(len(changed), "call")
    return f"  {calls} gave something else with {version}, read why: {shown}{more}"


def read_results(text: bytes, reference: str) -> TakenResults:
    """Return the results that an image wrote. Raises GateRefused if they are none."""
    try:
        return records.from_json(TakenResults, text, "its results", MAX_VALUES)
    except ConfigError as error:
        problem = f"{reference} wrote no results: {error}"
        raise GateRefused(problem, clean_machine.HINT) from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
