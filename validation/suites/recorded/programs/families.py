"""Which names a program is made with, and what has the options of each."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Family:
    """Which names a scenario is made with, and what has the options of each."""

    program: Callable[..., Any]
    list_names: Callable[[], list[str]]
    find: Callable[[str], Any]
    first: int = 0
    """How many parameters the program fills itself."""

    seconds: float = 1.5
    """Of the processor, for the search of one name."""


def list_kinds_of(module: str, base: str, home: str = "") -> Callable[[], list[str]]:
    """Return what lists the classes of a module that are of a kind."""

    def list_names() -> list[str]:
        found = vars(importlib.import_module(module))
        parent = getattr(importlib.import_module(home or module), base)
        kinds = ((name, kind) for name, kind in found.items() if inspect.isclass(kind))
        return sorted(
            name for name, kind in kinds if issubclass(kind, parent) and kind is not parent
        )

    return list_names


def find_in(module: str) -> Callable[[str], Any]:
    """Return what finds a name in a module."""
    return lambda name: getattr(importlib.import_module(module), name)
