"""How the state of an image differs from the pristine one, in words for people."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..contract import pristine_state
from ..contract.expected import Expected
from ..contract.pristine_state import LOGIN_SHELL, Changes, State
from .rendering import render_value

SHOWN = 3
FOLDER = Path(__file__).with_name("pristine")
OF_THE_START: Changes = {
    "start": {"image_start.pth": True},
    "os.environ": {"NO_ALBUMENTATIONS_UPDATE": "1"},
}
"""What image_start.py of the OS layer changes: it is ours, and no wheel's."""

# pytest imports readline, which sets the size of the terminal
_OF_THE_HARNESS = ("VALIDATION_", "PYTEST_", "PYTHONDONTWRITEBYTECODE", "COLUMNS", "LINES")
_OF_THE_RUNTIME = ("NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES")
"""With a GPU, what starts the container has its say in them."""
_OF_THE_MAKER = ("torch", "numpy", "sys.flags", "signals")
"""Groups that a derived image does not change by having more packages or variables."""


def list_variables() -> dict[str, str]:
    """Return the environment that a user of the image has: that of the suite without its own."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(_OF_THE_HARNESS)
    }


def expect_state(expected: Expected, way: str, imported: str = "") -> State:
    """Return the state that an image must have: the pristine one, and its own environment.

    Raises NotKept if none is kept for it.
    """
    line = pristine_state.line_of(expected)
    kept = pristine_state.read_kept(FOLDER, line)
    state = pristine_state.expect_state(kept, line, expected.stacks, way, imported)
    variables: Changes = {
        "os.environ": {name: render_value(value) for name, value in expected.environment}
    }
    return pristine_state.apply_changes(
        pristine_state.apply_changes(state, variables), OF_THE_START
    )


def find_differences(found: State, expected: Expected, way: str, imported: str = "") -> Changes:
    """Return what is other in a state than it must be; None is for what is not there.

    Raises NotKept.
    """
    wanted = expect_state(expected, way, imported)
    changes = pristine_state.find_changes(wanted, found)
    # the shell's own PATH: `system` says which programs are on it
    variables = {"PATH"} if way == LOGIN_SHELL else set[str]()
    if expected.device == "cuda":
        variables |= {*_OF_THE_RUNTIME}
        # with a driver some functions answer that raise without one
        answers = {
            (group, name)
            for group, values in changes.items()
            for name in values.keys() - wanted.get(group, {}).keys()
            if "cuda" in f"{group} {name}"
        }
    else:
        answers = set()
    ignored = {*answers, *(("os.environ", name) for name in variables)}
    judged = {
        group: {name: value for name, value in values.items() if (group, name) not in ignored}
        for group, values in changes.items()
        if not expected.derived or group.startswith(_OF_THE_MAKER)
    }
    return {group: values for group, values in judged.items() if values}


def describe_differences(differences: Changes, wanted: State) -> tuple[str, str]:
    """Return what was found, and what was expected instead."""
    pairs = sorted(
        ((group, name) for group, values in differences.items() for name in values),
        key=weigh_setting,
    )
    found = [
        f"{name_setting(group, name)} is {_show(differences[group][name])}"
        for group, name in pairs[:SHOWN]
    ]
    expected = [_show(wanted.get(group, {}).get(name)) for group, name in pairs[:SHOWN]]
    more = f" and {len(pairs) - SHOWN} more" if len(pairs) > SHOWN else ""
    return f"{', '.join(found)}{more}", ", ".join(expected)


def find_cause(differences: Changes) -> str:
    """Return the likely cause: the file or the variable that is there besides."""
    files, variables = (
        [name for name, value in differences.get(group, {}).items() if value is not None]
        for group in ("start", "os.environ")
    )
    if files:
        return f"{_join(files)} is run when Python starts, and sets it"
    if variables:
        return f"the image's configuration or a file of it sets {_join(variables)}"
    return "a file of the image sets it when the system, Python or torch starts"


def weigh_setting(pair: tuple[str, str]) -> tuple[int, bool, str, str]:
    """Put what torch computes with first, in its public words, and how it came to it last."""
    group, name = pair
    places = ("torch.backends", "torch", "numpy", "sys.flags", "system", "os.environ")
    place = next((at for at, each in enumerate(places) if group.startswith(each)), len(places))
    return place, "._" in group or name.startswith("_"), group, name


def name_setting(group: str, name: str) -> str:
    """Return a setting as code has it if it is one of a module, such as `sys.flags.debug`."""
    return f"{group}.{name}" if group.startswith(("torch", "sys", "os")) else f"{group}: {name}"


def _show(value: Any) -> str:
    return "not there" if value is None else "there" if value == "" else str(value)


def _join(names: Iterable[str]) -> str:
    some = [*names]
    return ", ".join(some[:SHOWN]) + (f" and {len(some) - SHOWN} more" if len(some) > SHOWN else "")
