"""Fixtures that several files of this folder use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oci.manifest import EMPTY_CONFIG, OCI_CONFIG, Manifest, image_manifest
from oci.registry import Registry
from publish.policy import channels
from publish.policy.channels import Channels
from publish.tags import lock
from runner import embedded
from tests.fakes.fixtures import client, fake, running, without_sleep
from tests.fakes.registry import FakeRegistry
from tests.publish.line import Line, line_of_one

__all__ = ["client", "fake", "running", "without_sleep"]


@pytest.fixture
def without_lock_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else wants the lock of production: `tags/test_transaction.py` is about that."""
    monkeypatch.setattr(lock, "_wait_until", lambda *_: None)


@pytest.fixture
def line(request: pytest.FixtureRequest, tmp_path: Path, home: Path) -> Iterator[Line]:
    """A line of one image on the fake registry, or with the parameter `real` on a real one."""
    if getattr(request, "param", "fake") == "real":
        yield line_of_one(Registry(request.getfixturevalue("registry_host")), tmp_path)
        return
    with FakeRegistry() as started:
        yield line_of_one(Registry(started.host), tmp_path)


@pytest.fixture
def registry(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Registry]:
    """A registry whose files can be searched."""
    host = f"127.0.0.1:{free_port()}"
    (tmp_path / "registry").mkdir()
    embedded.start_registry(host, tmp_path / "registry")
    yield Registry(host)
    embedded.stop_registry(tmp_path / "registry")


@pytest.fixture
def image(client: Registry) -> Manifest:
    """An image without layers in the repository `r`."""
    manifest = image_manifest(client.push_bytes("r", EMPTY_CONFIG, OCI_CONFIG), [])
    client.put_manifest("r", manifest.digest, manifest)
    return manifest


@pytest.fixture(scope="session")
def shipped() -> Channels:
    """The channels of the repository."""
    return channels.load()
