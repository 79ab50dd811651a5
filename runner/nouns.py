"""Counts in messages: `1 file`, `2 files`."""

from __future__ import annotations


def count_noun(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun: `1 check`, `2 checks`. `many` is given if it is not one + s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
