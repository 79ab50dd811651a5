"""A small image with Python 3.11 and nothing else."""

from __future__ import annotations

import os

import pytest

from runner import engine, home, shell

TINY = "pytorch-cuda-images-tests/python:bookworm"
HINT = "`make setup` installs mmdebstrap; it needs root and a Debian mirror"


@pytest.fixture(scope="session")
def tiny_image() -> str:
    """Debian 12 with its own Python, run as uid 1000: enough for every way a container can end."""
    tar = home.kept("tests") / "python-bookworm.tar"
    if not tar.exists():
        half = tar.with_name(f"half-{os.getpid()}-{tar.name}")
        packages = "--include=python3,python-is-python3"
        shell.run(["mmdebstrap", "--variant=minbase", packages, "bookworm", half], hint=HINT)
        half.replace(tar)
    if not engine.client().images.list(TINY):
        name, _, tag = TINY.partition(":")
        engine.client().api.import_image_from_file(str(tar), repository=name, tag=tag, changes=["USER 1000"])
    return TINY
