"""Writes the pristine state of a line: `python -m validation.pristine LINE STACK=IMAGE ...`.

In a container of each IMAGE, without its variables and its entry point, the locked wheels of LINE
are installed by pip into a clean environment of the system's Python. What a process finds there is
kept in `suites/state/pristine/LINE.json`, and the suite `state` compares images with it. A stack
that is not named keeps what the file has. Run it for a new line and after the locks have changed,
and commit what it wrote.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docker.types import LogConfig, Mount
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from images import catalog
from images.catalog import BASE, Line
from images.line_locks import locks_of
from images.resolve import read_requirements
from images.wheelhouse import fetch_wheels
from runner import containers, engine, home, progress, pull, records
from runner.errors import ConfigError, GateRefused, ReleaseError
from runner.untrusted import Malformed, clean_line, parse_json, read_file
from validation import harness
from validation.suite import SUITES_FOLDER
from validation.suites.contract import pristine_state
from validation.suites.contract.layout import PACKAGE
from validation.suites.contract.pristine_state import FRESH, IMPORTED, StackState

USAGE = pristine_state.WRITE
HINT = "name an image of this line, whose system has the line's Python"
KEPT = SUITES_FOLDER / "state" / "pristine"
INSIDE = "/pristine"
"""The folder of the work in its container."""

MAX_BYTES = 32 << 20
MAX_VALUES = 200_000
LIMIT_S = 1800
"""Of one container: pip unpacks some gigabytes there."""
PROCESSES = 4096


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
    """Take the states of the stacks, one after the other in the same environment, and keep them."""
    shipped = catalog.load_catalog()
    images = {stack: reference for stack, _, reference in (each.partition("=") for each in words)}
    if line not in shipped.lines or images.keys() - shipped.stacks.keys():
        raise ConfigError("the line or a stack is not in images/catalog.yaml", USAGE)
    first = images.pop(BASE, "")
    if not first or not all(images.values()):
        raise ConfigError("the state of base is always taken: name its image, too", USAGE)
    kept = pristine_state.read_kept(KEPT, line)
    with home.scratch_folder("pristine") as folder:
        harness.copy_suites(folder / "code" / PACKAGE)
        (folder / "wheels").mkdir()
        folder.chmod(0o755)
        base = _take_state(folder, line, BASE, first)
        kept[BASE] = keep_base(base)
        for stack, reference in images.items():
            kept[stack] = keep_stack(base, _take_state(folder, line, stack, reference))
    for stack in shipped.stacks:  # one without wheels changes nothing
        if stack not in kept and not locks_of(shipped, line, (BASE, stack))[stack].wheels:
            kept[stack] = StackState({way: {} for way in base["ways"]}, ())
    records.write_text(KEPT / f"{line}.json", pristine_state.render_kept(kept))


def keep_base(taken: dict[str, Any]) -> StackState:
    """Return the state of base: whole in a fresh process, and what other ways change."""
    fresh = taken["ways"][FRESH]
    changes = {
        way: pristine_state.find_changes(fresh if way != FRESH else {}, state)
        for way, state in taken["ways"].items()
    }
    return StackState(changes, ())


def keep_stack(base: dict[str, Any], taken: dict[str, Any]) -> StackState:
    """Return what a stack changes in each way, and then when it is imported."""
    ways = dict(taken["ways"])
    imported = ways.pop(IMPORTED, ways[FRESH])
    changes = {
        way: pristine_state.find_changes(base["ways"][way], state) for way, state in ways.items()
    }
    changes[IMPORTED] = pristine_state.find_changes(ways[FRESH], imported)
    return StackState(changes, tuple(taken["imports"]))


def _take_state(folder: Path, line: str, stack: str, reference: str) -> dict[str, Any]:
    """Return what a container of `reference` wrote about a stack.

    Raises GateRefused if it wrote nothing, EnvironmentFailed if the engine fails.
    """
    shipped = catalog.load_catalog()
    locks = locks_of(shipped, line, shipped.stacks_of(stack))
    base = locks.pop(BASE)
    wheels = {wheel.name: wheel for lock in (base, *locks.values()) for wheel in lock.wheels}
    fetch_wheels([*wheels.values()], shipped.lines[line].python)
    further = {name: wheel.file for name, wheel in wheels.items() if not base.find_wheel(name)}
    task = {
        "base": [wheel.file for wheel in base.wheels],
        "stack": further,
        "required": list_required(shipped.lines[line], stack) if further else [],
    }
    records.write_text(folder / "task.json", json.dumps(task))
    pull.pull_image(reference)
    progress.say_line(f"take the state of {stack} in line {line}")
    with engine.report_failures(f"taking the state of {stack} in {reference}"):
        _run_container(folder, reference, shipped.lines[line].python)
    try:
        taken: dict[str, Any] = parse_json(
            read_file(folder, "state.json", MAX_BYTES), MAX_BYTES, MAX_VALUES
        )
    except (Malformed, OSError) as error:
        raise GateRefused(f"{reference} wrote no state of {stack}: {error}", HINT) from None
    (folder / "state.json").unlink()
    return taken


def list_required(line: Line, stack: str) -> list[str]:
    """Return the packages that a stack is for, by normalised name."""
    rows = read_requirements(line, stack).splitlines()
    named = [row.partition("#")[0].strip() for row in rows]
    return [canonicalize_name(Requirement(row).name) for row in named if row]


def _run_container(folder: Path, reference: str, python: str) -> None:
    """Run the work in a container of an image, as this user."""
    client, name = engine.connect_engine(), containers.new_name("pristine")
    options = {
        "name": name,
        "entrypoint": ["/usr/bin/env"],
        "command": [
            *("-i", "PATH=/usr/bin:/bin", "LANG=C.UTF-8", f"PYTHONPATH={INSIDE}/code"),
            *(f"python{python}", "-P", "-m", f"{PACKAGE}.state.take_pristine", INSIDE),
        ],
        "user": f"{os.getuid()}:{os.getgid()}",
        "mounts": [
            Mount(INSIDE, str(folder), type="bind"),
            Mount(
                f"{INSIDE}/wheels",
                str(home.make_home_folder("wheels")),
                type="bind",
                read_only=True,
            ),
        ],
        "pids_limit": PROCESSES,
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "4m"}),
    }
    try:
        container = containers.create_confined(client, reference, options)
        containers.require_plain_accounts(container)
        container.start()
        code = int(container.wait(timeout=LIMIT_S)["StatusCode"])
        printed = container.logs(tail=1).decode(errors="replace")
    except containers.ImageCannotStart as error:
        raise GateRefused(f"{reference} cannot be started: {error}", HINT) from None
    finally:
        engine.remove_container(name)
    if code:
        raise GateRefused(f"{reference}: exit {code}: {clean_line(printed.strip())}", HINT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
