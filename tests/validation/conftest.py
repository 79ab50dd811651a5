"""A small image with Python 3.11 and nothing else."""

from __future__ import annotations

import pytest

from tests.fakes import small_image


@pytest.fixture(scope="session")
def tiny_image() -> str:
    """Debian 12 with its own Python, run as uid 1000: enough for every way a container can end."""
    return small_image.python_image()
