"""Marks on digests that nobody should use, as transactions see them.

publish/released/yank_statements.py writes and reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from publish.tags.journal import Transaction
from runner.untrusted import clean_line


@dataclass(frozen=True)
class YankMark:
    """A signed mark: the version that was yanked, why, and when (ISO 8601), as it states."""

    version: str
    reason: str
    yanked_at: str


ReadMarks = Callable[[str], tuple[YankMark, ...]]
"""Return the signed marks on a digest."""


class YankMarks(Protocol):
    """The marks on the digests of one repository."""

    def require_trusted_signer(self) -> None:
        """Raise ConfigError if marks that are signed on this machine would not count."""
        ...

    def put_marks(self, yanked: Transaction) -> None:
        """Mark every digest of a yanked release that is within reach. It may be done again."""
        ...

    def is_within_reach(self, digest: str) -> bool:
        """Return whether a digest can be marked: its manifest must be somewhere."""
        ...

    def read_reason(self, digest: str) -> str:
        """Return why a digest was yanked; empty if it was not."""
        ...

    def read_marks(self, digest: str) -> tuple[YankMark, ...]:
        """Return the marks on a digest that name a version and a reason."""
        ...


def describe_yank(version: str, reason: str) -> str:
    """Return the sentence that a mark stands for: this release was yanked, and why."""
    return clean_line(f"{version} was yanked: {reason}")
