"""What the programs of the page run in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.using.snippets import EXAMPLES


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Return a folder with the examples that every user can write."""
    for example in EXAMPLES.iterdir():
        shutil.copy(example, tmp_path)
    tmp_path.chmod(0o777)
    return tmp_path
