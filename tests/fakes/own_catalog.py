"""A catalogue of the tests' own, so that a new stack or line breaks only the tests that name it."""

from __future__ import annotations

from pathlib import Path

from images import catalog
from images.catalog import Catalog

OWN_CATALOG = Path(__file__).resolve().parent / "catalog.yaml"


def load_own_catalog() -> Catalog:
    """The catalogue of the tests: line 2.6 with the stacks base, cv, nlp and rl."""
    return catalog.load_catalog(OWN_CATALOG)
