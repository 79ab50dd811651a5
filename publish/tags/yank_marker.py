"""Marks on digests that nobody should use, as transactions see them.

publish/released/yank_statements.py makes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from publish.tags.journal import Transaction
from runner.untrusted import clean_line


@dataclass(frozen=True)
class YankMark:
    """A signed mark: the version that was yanked, why, and when (ISO 8601) by its own word."""

    version: str
    reason: str
    yanked_at: str


ReadMarks = Callable[[str], tuple[YankMark, ...]]
"""Return the signed marks on a digest."""


class YankMarks(Protocol):
    """Puts and reads the marks of a repository."""

    def require_believed(self) -> None:
        """Raise ConfigError if the marks that can be made here would not count."""
        ...

    def put_marks(self, yanked: Transaction) -> None:
        """Mark every digest of a yanked release. It may be done again."""
        ...

    def read_reason(self, digest: str) -> str:
        """Return why a digest was yanked; empty if it was not."""
        ...

    def read_marks(self, digest: str) -> tuple[YankMark, ...]:
        """Return the marks on a digest that name a version and a reason."""
        ...


def describe_yank(version: str, reason: str) -> str:
    """Return what a mark says of a release."""
    return clean_line(f"{version} was yanked: {reason}")
