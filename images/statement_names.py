"""The names of what this project states: predicate types, the build type and builders.

They are URIs below one name, `statements` in the catalogue, which the owner of a fork sets. In the
code they stand below DEFAULT. They are changed when a statement is written or read. What was stated
below DEFAULT, before the name was set, is read as before.
"""

from __future__ import annotations

from functools import cache

from images.catalog import CATALOG, load_catalog

DEFAULT = "https://github.com/pytorch-cuda-images"


@cache
def read_own_name() -> str:
    """Return the name that the catalogue sets, without a slash at its end."""
    return load_catalog(CATALOG).statements


def write_name(name: str) -> str:
    """Return a name of ours as it is written; a name of others as it is."""
    return _replace_start(name, DEFAULT, read_own_name())


def read_name(name: str) -> str:
    """Return a name that was read as the code has it; a name of others as it is."""
    return _replace_start(name, read_own_name(), DEFAULT)


def _replace_start(name: str, old: str, new: str) -> str:
    return f"{new}{name.removeprefix(old)}" if name.startswith(f"{old}/") else name
