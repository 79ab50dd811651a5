"""Fixtures of several folders. The `conftest.py` of a folder imports those that its tests use."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from oci.registry import Registry
from tests.fakes.registry import FakeRegistry

__all__ = ["client", "fake", "without_sleep"]


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    """A registry that leaves the list of referrers to its clients."""
    with FakeRegistry() as started:
        yield started


@pytest.fixture
def client(fake: FakeRegistry) -> Registry:
    """A client of the registry that leaves the list of referrers to it."""
    return Registry(fake.host)


@pytest.fixture
def without_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client repeats a request at once."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
