"""Fixtures of every suite: what the tag asserts, and where measured figures go."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from validation.suites.enter import RUNNING
from validation.suites.expected import Expected, read_expected

Figures = Callable[[str, float, str], None]


@pytest.fixture(scope="session")
def expected() -> Expected:
    """What the tag asserts."""
    return read_expected(_root() / "expected.json")


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figures:
    """Attach one measured number: `figure("images_per_s", 4.3, "images/s")`."""
    return lambda name, value, unit: record_property(name, [value, unit])


def pytest_runtest_logstart(nodeid: str) -> None:
    """Name the test that is about to run: where the container is killed, the report has no line of it yet."""
    (_root() / "out" / RUNNING).write_text(nodeid, encoding="utf-8")


def _root() -> Path:
    return Path(os.environ["VALIDATION_ROOT"])
