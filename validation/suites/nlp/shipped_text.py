"""Text that every image ships: the reference of the language in Python's own library."""

from __future__ import annotations

from pydoc_data.topics import topics


def corpus() -> list[str]:
    """The sections of the reference, about 460 000 characters of English and code, always in the
    same order.
    """
    return [text for _, text in sorted(topics.items())]


def chapter() -> str:
    """One of them, of about 9500 characters: how names are bound and found."""
    return topics["execmodel"]
