"""Which lines of a package's functions a call executes.

A defect in a line that no recorded call executes cannot be seen by any of them.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

IS_FUNCTION = 0x2
"""A flag of code that has local variables of its own: no module and no class."""

Lines = dict[str, list[int]]
"""Numbers of lines, by file."""


@dataclass
class Executed:
    """The lines of a package that calls executed so far."""

    root: str
    known: dict[str, set[int]] = field(default_factory=dict)

    def add(self, lines: Lines) -> None:
        """Add lines that a call executed."""
        for file, numbers in lines.items():
            self.known.setdefault(file, set()).update(numbers)

    @contextlib.contextmanager
    def trace(self) -> Iterator[dict[str, set[int]]]:
        """Yield a place for the lines that the block executes and nothing did before.

        Functions without such lines are run at full speed.
        """
        new: dict[str, set[int]] = {}

        def enter(frame: FrameType, event: str, _: Any) -> Any:
            file = frame.f_code.co_filename
            if not file.startswith(self.root) or list_lines(frame.f_code) <= self.known.get(
                file, set()
            ):
                return None
            known, mine = self.known.get(file, set()), new.setdefault(file, set())

            def follow(frame: FrameType, event: str, _: Any) -> Any:
                if event == "line" and frame.f_lineno not in known:
                    mine.add(frame.f_lineno)
                return follow

            return follow

        before = sys.gettrace()
        sys.settrace(enter)
        try:
            yield new
        finally:
            sys.settrace(before)

    def count(self) -> tuple[int, int]:
        """Return how many lines were executed, and of how many in functions of these files."""
        files = {file: list_lines_of_file(file) for file in self.known}
        executed = sum(len(lines & self.known[file]) for file, lines in files.items())
        return executed, sum(map(len, files.values()))


def find_root(package: str) -> str:
    """Return the folder of a package, as the start of the names of its files."""
    return f"{Path(str(importlib.import_module(package).__file__)).parent}/"


@functools.cache
def list_lines(code: CodeType) -> frozenset[int]:
    """Return the numbers of the lines of a function, without its first."""
    if not code.co_flags & IS_FUNCTION:
        return frozenset()
    lines = {number for _, _, number in code.co_lines() if number}
    return frozenset(lines - {code.co_firstlineno})


def list_lines_of_file(file: str) -> set[int]:
    """Return the numbers of the lines of all functions of a file; none if it is no source."""
    try:
        waiting = [compile(Path(file).read_text(encoding="utf-8"), file, "exec")]
    except (OSError, SyntaxError):
        return set()
    lines: set[int] = set()
    while waiting:
        code = waiting.pop()
        lines |= list_lines(code)
        waiting += [each for each in code.co_consts if isinstance(each, CodeType)]
    return lines
