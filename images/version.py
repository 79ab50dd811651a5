"""The version of a release, `v2.6.3`.

The one place that reads one, whoever wrote it: a person, a tag, a record.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LARGEST = 9999
"""Of each of the three numbers. Nothing counts up to it: what exists is listed."""

_NUMBER = "(?:0|[1-9][0-9]{0,3})"
VERSION_PATTERN = rf"v{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
"""For expressions that find a version inside of something else."""

_LINE = re.compile(rf"{_NUMBER}\.{_NUMBER}")
_VERSION = re.compile(rf"v(?P<line>{_NUMBER}\.{_NUMBER})\.(?P<patch>{_NUMBER})")


@dataclass(frozen=True)
class Version:
    """`v2.6.3`: the release `patch` of line `line`."""

    line: str
    patch: int

    def __str__(self) -> str:
        return f"v{self.line}.{self.patch}"

    @property
    def order(self) -> tuple[int, int, int]:
        """Its place among all versions: v2.10.0 is after v2.9.1."""
        major, minor = self.line.split(".")
        return int(major), int(minor), self.patch


def parse_version(text: str) -> Version | None:
    """Return the version that `text` is, None if it is none.

    Each number has one way to write it.
    """
    match = _VERSION.fullmatch(text)
    return Version(match["line"], int(match["patch"])) if match else None


def is_line(text: str) -> bool:
    """Return whether `text` is the name of a line, as 2.6."""
    return _LINE.fullmatch(text) is not None
