"""What every refusal owes the person who reads it: one line, a way out, and the right exit code."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from runner.errors import ReleaseError


@contextlib.contextmanager
def refused(kind: type[ReleaseError], *words: str) -> Iterator[None]:
    """The block ends in a `kind` whose message holds `words`."""
    with pytest.raises(ReleaseError) as caught:
        yield
    check(caught.value, kind, *words)


def check(error: ReleaseError, kind: type[ReleaseError], *words: str) -> None:
    """The same, of an error that was caught already."""
    text = str(error)
    assert isinstance(error, kind), f"{type(error).__name__}: {text}"
    assert error.exit_code == kind.exit_code
    assert "\n" not in text, text
    assert error.hint, f"no way out given: {text}"
    assert len(text) < 700, text
    for word in words:
        assert word in text, f"`{word}` is not in: {text}"
