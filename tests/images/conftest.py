"""Fixtures that several files of this folder use."""

from __future__ import annotations

import pytest

from images.catalog import Catalog
from tests.fakes.fixtures import fake
from tests.fakes.own_catalog import load_own_catalog

__all__ = ["fake", "shipped"]


@pytest.fixture(scope="session")
def shipped() -> Catalog:
    """The catalogue of the tests."""
    return load_own_catalog()
