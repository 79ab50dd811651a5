"""Fixtures that several files of this folder use."""

from __future__ import annotations

import time

import pytest

from tests.fakes.fixtures import client, fake, without_sleep

__all__ = ["client", "fake", "repository", "waits", "without_sleep"]


@pytest.fixture
def repository(request: pytest.FixtureRequest) -> str:
    """A repository of each test's own."""
    return f"t/{abs(hash(request.node.name))}"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a client would have waited; it does not wait."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited
