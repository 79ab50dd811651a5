"""Text that every image ships: the reference of the language in Python's own library."""

from __future__ import annotations

from pydoc_data.topics import topics


def read_corpus() -> list[str]:
    """Return the sections of the reference, always in the same order.

    They are about 460 000 characters of English and code.
    """
    return [text for _, text in sorted(topics.items())]


def read_chapter() -> str:
    """Return one section of about 9500 characters: how names are bound and found."""
    return topics["execmodel"]
