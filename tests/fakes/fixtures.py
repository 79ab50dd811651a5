"""Fixtures of several folders. The `conftest.py` of a folder imports those that its tests use."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from oci.registry import Registry
from tests.fakes.registry import FakeRegistry
from tests.fakes.slurm import (
    NODES,
    WITH_LIMITS,
    SlurmCluster,
    find_limit_problem,
    missing_programs,
    started_slurm,
)

__all__ = ["client", "fake", "running", "without_sleep"]


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


@pytest.fixture(scope="module")
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SlurmCluster]:
    """A real Slurm of two nodes, or of those in the parameter; it limits memory if it can."""
    if lacking := missing_programs():
        pytest.skip(f"NOT RUN (slurm): {lacking}")
    folder = tmp_path_factory.mktemp("slurm") / "one"
    nodes: tuple[str, ...] = getattr(request, "param", NODES)
    with started_slurm(folder, nodes, () if find_limit_problem() else WITH_LIMITS) as cluster:
        yield cluster
