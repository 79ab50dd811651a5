"""Writes the pristine state of a line: `python -m validation.pristine LINE STACK=IMAGE ...`.

In a container of each IMAGE, without its variables and its entry point, the locked wheels of LINE
are installed by pip into a clean environment of the system's Python. What a process finds there is
kept in `suites/state/pristine/LINE.json`, and the suite `state` compares images with it. A stack
that is not named keeps what the file has. Run it for a new line and after the locks have changed,
read what it wrote, and commit it. An IMAGE is a stranger, as one under test is: its container has
the same limits, and shares nothing with that of another image.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import ConfigDict

from images import catalog
from images.catalog import BASE, Line
from images.line_locks import locks_of
from images.resolve import read_requirements
from runner import progress, records
from runner.errors import ConfigError, GateRefused
from runner.untrusted import clean_line
from validation import clean_machine
from validation.suite import SUITES_FOLDER
from validation.suites.contract import pristine_state
from validation.suites.contract.pristine_state import FRESH, IMPORTED, WAYS, StackState, State

USAGE = pristine_state.WRITE
KEPT = SUITES_FOLDER / "state" / "pristine"
MODULE = "state.take_pristine"
STATE = "state.json"
MAX_VALUES = 200_000


def main(words: Sequence[str]) -> int:
    """Write the state of the line and the stacks in `words`; return the exit code."""
    return clean_machine.run_command(lambda: _write_states(words))


def _write_states(words: Sequence[str]) -> None:
    """Take the states of the stacks, each in an environment of its own, and keep them."""
    if len(words) < 2:
        raise ConfigError("a LINE and STACK=IMAGE are needed", USAGE)
    shipped = catalog.load_catalog()
    line, *named = words
    images = {stack: reference for stack, _, reference in (each.partition("=") for each in named)}
    clean_machine.require_line(line, USAGE)
    if unknown := sorted(images.keys() - shipped.stacks.keys()):
        problem = f"there is no stack {clean_line(unknown[0], 100)} in images/catalog.yaml"
        raise ConfigError(problem, USAGE)
    first = images.pop(BASE, "")
    if not first or not all(images.values()):
        raise ConfigError("the state of base is always taken: name its image, too", USAGE)
    kept = pristine_state.read_kept(KEPT, line)
    base = _take_state(line, BASE, first)
    kept[BASE] = keep_base(base)
    for stack, reference in images.items():
        kept[stack] = keep_stack(base, _take_state(line, stack, reference))
    for stack in shipped.stacks:  # one without wheels changes nothing
        if stack not in kept and not locks_of(shipped, line, (BASE, stack))[stack].wheels:
            kept[stack] = StackState({way: {} for way in base.ways}, ())
    records.write_text(KEPT / f"{line}.json", pristine_state.render_kept(kept))


@dataclass(frozen=True)
class TakenState:
    """The state that a container tells, by way, and the modules that the stack is imported by."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    ways: dict[str, State]
    imports: tuple[str, ...]


def keep_base(taken: TakenState) -> StackState:
    """Return the state of base: whole in a fresh process, and what other ways change."""
    fresh = taken.ways[FRESH]
    changes = {
        way: pristine_state.find_changes(fresh if way != FRESH else {}, state)
        for way, state in taken.ways.items()
    }
    return StackState(changes, ())


def keep_stack(base: TakenState, taken: TakenState) -> StackState:
    """Return what a stack changes in each way, and then when it is imported."""
    ways = dict(taken.ways)
    imported = ways.pop(IMPORTED, ways[FRESH])
    changes = {
        way: pristine_state.find_changes(base.ways[way], state) for way, state in ways.items()
    }
    changes[IMPORTED] = pristine_state.find_changes(ways[FRESH], imported)
    return StackState(changes, taken.imports)


def _take_state(line: str, stack: str, reference: str) -> TakenState:
    """Return what a container of `reference` wrote about a stack.

    Raises GateRefused if it wrote no state, EnvironmentFailed if the engine fails.
    """
    shipped = catalog.load_catalog()
    wheels = clean_machine.list_wheels(line, shipped.stacks_of(stack))
    locks = locks_of(shipped, line, (BASE,))
    is_more = stack != BASE and bool(wheels.keys() - {each.name for each in locks[BASE].wheels})
    required = list_required(shipped.lines[line], stack) if is_more else []
    work = clean_machine.Work(MODULE, {"required": required}, {}, STATE, f"the state of {stack}")
    progress.say_line(f"take the state of {stack} in line {line}")
    text = clean_machine.run_work(work, line, wheels, reference)
    try:
        return read_state(text)
    except ConfigError as error:
        problem = f"{reference} wrote no state of {stack}: {error}"
        raise GateRefused(problem, clean_machine.HINT) from None


def read_state(text: bytes) -> TakenState:
    """Return the state that an image wrote. Raises ConfigError if it is none."""
    taken = records.from_json(TakenState, text, "its state", MAX_VALUES)
    if not {*WAYS} <= taken.ways.keys() <= {*WAYS, IMPORTED}:
        raise ConfigError(f"its state is not of the ways {', '.join(WAYS)}", clean_machine.HINT)
    return taken


def list_required(line: Line, stack: str) -> list[str]:
    """Return the packages that a stack is for, by normalised name."""
    rows = read_requirements(line, stack).splitlines()
    named = [row.partition("#")[0].strip() for row in rows]
    return [canonicalize_name(Requirement(row).name) for row in named if row]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
