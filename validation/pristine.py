"""Writes the pristine state of a line: `python -m validation.pristine LINE STACK=IMAGE ...`.

In a container of each IMAGE, without its variables and its entry point, the locked wheels of LINE
are installed by pip into a clean environment of the system's Python. What a process finds there is
kept in `suites/state/pristine/LINE.json`, and the suite `state` compares images with it. A stack
that is not named keeps what the file has. Run it for a new line and after the locks have changed,
read what it wrote, and commit it. An IMAGE is a stranger, as one under test is: its container has
the same limits, and shares nothing with that of another image.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import ConfigDict

from images import catalog
from images.catalog import BASE, Line
from images.line_locks import locks_of
from images.resolve import read_requirements
from images.wheelhouse import fetch_wheels
from runner import containers, home, progress, pull, records
from runner.errors import ConfigError, EnvironmentFailed, GateRefused, ReleaseError
from runner.untrusted import Malformed, clean_line, read_file
from validation import harness
from validation.executors import docker, staging
from validation.suite import SUITES_FOLDER
from validation.suites.contract import pristine_state
from validation.suites.contract.layout import PACKAGE
from validation.suites.contract.pristine_state import FRESH, IMPORTED, WAYS, StackState, State

USAGE = pristine_state.WRITE
RETRY = "correct that, then run the same command again"
HINT = "name an image of this line, whose system has the line's Python"
KEPT = SUITES_FOLDER / "state" / "pristine"
STATE = f"{staging.OUT}/state.json"
MAX_BYTES = 32 << 20
MAX_VALUES = 200_000
BOUNDS = docker.Bounds(1800, 24 << 30, 300_000)
"""Of one container: pip unpacks the wheels of a line there, up to 10 GB."""


def main(words: Sequence[str]) -> int:
    """Write the state of the line and the stacks in `words`; return the exit code."""
    try:
        if len(words) < 2:
            raise ConfigError("a LINE and STACK=IMAGE are needed", USAGE)
        _write_states(words[0], words[1:])
    except ReleaseError as error:
        progress.say_line(f"error: {error}")
        return error.exit_code
    return 0


def _write_states(line: str, words: Sequence[str]) -> None:
    """Take the states of the stacks, each in an environment of its own, and keep them."""
    shipped = catalog.load_catalog()
    images = {stack: reference for stack, _, reference in (each.partition("=") for each in words)}
    if line not in shipped.lines or images.keys() - shipped.stacks.keys():
        raise ConfigError("the line or a stack is not in images/catalog.yaml", USAGE)
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
    locks = locks_of(shipped, line, shipped.stacks_of(stack))
    wheels = {wheel.name: wheel for lock in reversed(locks.values()) for wheel in lock.wheels}
    fetch_wheels([*wheels.values()], shipped.lines[line].python)
    is_more = stack != BASE and bool(wheels.keys() - {each.name for each in locks[BASE].wheels})
    task = {
        "wheels": [wheel.file for wheel in wheels.values()],
        "required": list_required(shipped.lines[line], stack) if is_more else [],
    }

    def fill(folder: Path) -> None:
        harness.copy_suites(folder / "code" / PACKAGE)
        (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
        for name in ("code", "wheels", staging.OUT):
            (folder / name).mkdir(exist_ok=True)
        (folder / staging.OUT).chmod(0o777)  # the image's user is another uid

    pull.pull_image(reference)
    progress.say_line(f"take the state of {stack} in line {line}")
    with staging.make_shared_folder(f"the state of {stack}", fill) as folder:
        _run_container(folder, reference, shipped.lines[line].python)
        try:
            return read_state(read_file(folder, STATE, MAX_BYTES))
        except (ConfigError, Malformed, OSError) as error:
            problem = f"{reference} wrote no state of {stack}: {error}"
            raise GateRefused(problem, HINT) from None


def read_state(text: bytes) -> TakenState:
    """Return the state that an image wrote. Raises ConfigError if it is none."""
    taken = records.from_json(TakenState, text, "its state", MAX_VALUES)
    if not {*WAYS} <= taken.ways.keys() <= {*WAYS, IMPORTED}:
        raise ConfigError(f"its state is not of the ways {', '.join(WAYS)}", HINT)
    return taken


def list_required(line: Line, stack: str) -> list[str]:
    """Return the packages that a stack is for, by normalised name."""
    rows = read_requirements(line, stack).splitlines()
    named = [row.partition("#")[0].strip() for row in rows]
    return [canonicalize_name(Requirement(row).name) for row in named if row]


def _run_container(folder: Path, reference: str, python: str) -> None:
    """Run the work in a container of an image. Raises GateRefused or EnvironmentFailed."""
    options = {
        **docker.LIMITED,
        "name": containers.new_name("pristine"),
        "entrypoint": ["/usr/bin/env"],
        "command": [
            *("-i", "PATH=/usr/bin:/bin", "LANG=C.UTF-8", f"PYTHONPATH={harness.ROOT}/code"),
            *(f"python{python}", "-P", "-m", f"{PACKAGE}.state.take_pristine", harness.ROOT),
        ],
        "mounts": docker.share_folder(folder, (home.make_home_folder("wheels"), "wheels")),
    }
    ended = docker.run_bounded(reference, options, folder, BOUNDS)
    if ended.engine_problem or ended.host_problem:
        problem = ended.engine_problem or ended.host_problem
        raise EnvironmentFailed(f"the state of {reference} was not taken: {problem}", RETRY)
    if ended.malformed or ended.timed_out or ended.exit_code:
        how = ended.malformed or (
            "it takes too long" if ended.timed_out else f"exit {ended.exit_code}"
        )
        last = clean_line((ended.output.strip().splitlines() or ["nothing printed"])[-1])
        raise GateRefused(f"{reference}: {how}: {last}", HINT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
