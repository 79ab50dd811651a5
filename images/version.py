"""The version of a release, `v2.6.3`, and the line it belongs to, `2.6`.

This is the only module that spells or parses one, whoever wrote it: a person, a tag or a record.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_NUMBER = 9999
"""The largest value of each of the three numbers. Nothing counts up to it: versions are listed."""

_NUMBER = "(?:0|[1-9][0-9]{0,3})"
VERSION_PATTERN = rf"v{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
"""For expressions that find a version inside another text."""

_LINE = re.compile(rf"{_NUMBER}\.{_NUMBER}")
_VERSION = re.compile(rf"v(?P<line>{_NUMBER}\.{_NUMBER})\.(?P<patch>{_NUMBER})")


@dataclass(frozen=True)
class Version:
    """A version: `v2.6.3` is release 3 (`patch`) of line 2.6."""

    line: str
    patch: int

    def __str__(self) -> str:
        return f"v{self.line}.{self.patch}"

    @property
    def sort_key(self) -> tuple[int, ...]:
        """Its place among all versions: v2.10.0 is after v2.9.1."""
        return (*line_numbers(self.line), self.patch)

    @property
    def line_alias(self) -> str:
        """The alias of the line's newest release, `v2.6`."""
        return f"v{self.line}"


def parse_version(text: str) -> Version | None:
    """Return the version that `text` is; None if it is no version.

    Each number has one spelling: `v02.6.0` is no version.
    """
    match = _VERSION.fullmatch(text)
    return Version(match["line"], int(match["patch"])) if match else None


def is_line(text: str) -> bool:
    """Return whether `text` is the name of a line, as 2.6."""
    return _LINE.fullmatch(text) is not None


def line_numbers(line: str) -> tuple[int, ...]:
    """Return the numbers of a line: (2, 6). Lines are ordered by them."""
    return tuple(map(int, line.split(".")))


def line_of_torch(torch: str) -> str:
    """Return the line that a torch version belongs to: `2.6` of `2.6.0`; empty if there is none."""
    return torch.rpartition(".")[0]


def number_of(version: str) -> str:
    """Return a version without its `v`: `2.6.3`."""
    return version.removeprefix("v")
