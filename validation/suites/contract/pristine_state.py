"""The state that the locked wheels of a line give in a clean environment, as it is kept.

A state has values by group (a module, or a part of the system) and name. The state of base in a
fresh process is kept whole. Everything else is kept as what it changes: another way of starting,
a stack that is installed too, and one that is imported.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .expected import Expected

Value = bool | int | float | str
State = dict[str, dict[str, Value]]
Changes = dict[str, dict[str, Value | None]]
"""None is for what is not there any more."""

BASE = "base"
FRESH, LOGIN_SHELL, RANK = "fresh", "login_shell", "torchrun_rank"
SPAWNED, COMPILER = "spawned_worker", "compiler_worker"
WAYS = (FRESH, LOGIN_SHELL, SPAWNED, RANK, COMPILER)
"""The ways in which a process with torch is started."""

IMPORTED = "imported"
"""A fresh process that has imported what a stack is for."""

COMMAND = "python -m validation.pristine"
WRITE = f"run `.venv/bin/{COMMAND} LINE STACK=IMAGE...`"


class NotKept(Exception):
    """No state is kept for a line or for one of its stacks; the message says for which."""


@dataclass(frozen=True)
class StackState:
    """The part of a stack: the state in each way, and the modules that it is imported by."""

    ways: dict[str, Changes]
    imports: tuple[str, ...]


def line_of(expected: Expected) -> str:
    """Return the line of an image, such as `2.6`."""
    return expected.torch.rpartition(".")[0]


def read_kept(folder: Path, line: str) -> dict[str, StackState]:
    """Return what is kept for a line, by stack; empty if there is no file."""
    path = folder / f"{line}.json"
    if not path.is_file():
        return {}
    stacks = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: StackState(dict(stack["ways"]), tuple(stack["imports"]))
        for name, stack in stacks.items()
    }


def render_kept(stacks: Mapping[str, StackState]) -> str:
    """Return the text of the file of a line, a line for each value."""
    fields = {
        name: {"imports": list(stack.imports), "ways": stack.ways} for name, stack in stacks.items()
    }
    return json.dumps(fields, indent=1, sort_keys=True) + "\n"


def expect_state(
    kept: Mapping[str, StackState], line: str, stacks: Iterable[str], way: str, imported: str = ""
) -> State:
    """Return the state of an image with `stacks` in a process started as `way`.

    The modules of the stack `imported` are imported there. Raises NotKept.
    """
    names = [BASE, *(stack for stack in stacks if stack != BASE)]
    for name in names:
        if name not in kept:
            raise NotKept(f"no pristine state of {name} in line {line} is kept")
    state: State = {}
    for each in dict.fromkeys((FRESH, way)):
        state = apply_changes(state, kept[BASE].ways[each])
    for name in names[1:]:
        state = apply_changes(state, kept[name].ways[way])
    return apply_changes(state, kept[imported].ways[IMPORTED]) if imported else state


def apply_changes(state: State, changes: Changes) -> State:
    """Return a state with the changes in it."""
    changed = {group: dict(values) for group, values in state.items()}
    for group, values in changes.items():
        named = changed.setdefault(group, {})
        for name, value in values.items():
            if value is None:
                named.pop(name, None)
            else:
                named[name] = value
    return {group: values for group, values in changed.items() if values}


def find_changes(before: State, after: State) -> Changes:
    """Return what makes the state `after` of the state `before`."""
    changes: Changes = {}
    for group in sorted(before.keys() | after.keys()):
        old, new = before.get(group, {}), after.get(group, {})
        for name in sorted(old.keys() | new.keys()):
            # 1 and True are equal for Python
            if (type(old.get(name)), old.get(name)) != (type(new.get(name)), new.get(name)):
                changes.setdefault(group, {})[name] = new.get(name)
    return changes
