"""A small image with Python 3.11 and nothing else, and the harness to mount into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runner import engine, home, shell
from validation import harness

TINY = "pytorch-cuda-images-tests/python:bookworm"
HINT = "`make setup` installs mmdebstrap; it needs root and a Debian mirror"


@pytest.fixture(scope="session")
def tiny_image() -> str:
    """Debian 12 with its own Python, run as uid 1000: enough for every way a container can end."""
    tar = home.kept("tests") / "python-bookworm.tar"
    if not tar.exists():
        half = tar.with_name(f"half-{tar.name}")
        packages = "--include=python3,python-is-python3"
        shell.run(["mmdebstrap", "--variant=minbase", packages, "bookworm", half], hint=HINT)
        half.replace(tar)
    if not engine.client().images.list(TINY):
        name, _, tag = TINY.partition(":")
        engine.client().api.import_image_from_file(str(tar), repository=name, tag=tag, changes=["USER 1000"])
    return TINY


@pytest.fixture(scope="session")
def mounted_harness() -> Path:
    """pytest and its plugins, as every container gets them."""
    return harness.installed()


@pytest.fixture
def image_with(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """The real image that carries a stack, pulled by digest."""

    def pulled(stack: str) -> str:
        reference = str(request.getfixturevalue(f"{stack}_image"))
        engine.pull(reference)
        return reference

    return pulled
