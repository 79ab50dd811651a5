"""Fixtures that several files of this folder use."""

from __future__ import annotations

import uuid

import pytest

from images.catalog import Repositories
from oci.registry import Registry
from tests.fakes.registry import FakeRegistry
from tests.publish.moving import Clock, direct


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that the tests set."""
    return Clock.rule(monkeypatch)


@pytest.fixture
def client(fake: FakeRegistry) -> Registry:
    """A client of the fake registry, without repeats."""
    return direct(fake)


@pytest.fixture
def repositories() -> Repositories:
    """Repositories of each test's own."""
    name = uuid.uuid4().hex[:8]
    return Repositories(
        f"{name}/production",
        f"{name}/staging",
        f"{name}/cache",
        f"{name}/records",
        f"{name}/journal",
    )
