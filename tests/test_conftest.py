"""Tests that a machine cannot run are counted with their reason."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.home import REPOSITORY
from tests.conftest import LONG_FILES

TESTS = """
import pytest

@pytest.mark.docker
def test_with_engine(): pass

@pytest.mark.gpu
def test_with_gpu(): pass

def test_anywhere(): pass
"""


@pytest.mark.parametrize("name", sorted(LONG_FILES))
def test_a_file_of_long_tests_exists(name: str) -> None:
    assert (REPOSITORY / "tests" / name).is_file()


@pytest.fixture
def said(tmp_path: Path) -> str:
    """What pytest says of such tests on a machine without engine and GPU."""
    (tmp_path / "test_planted.py").write_text(TESTS)
    environment = {**os.environ, "DOCKER_HOST": "unix:///nowhere", "PYTHONPATH": str(REPOSITORY)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.conftest",
        "-c",
        str(REPOSITORY / "pyproject.toml"),
    ]
    command += ["--rootdir", str(tmp_path), "-p", "no:cacheprovider", str(tmp_path)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    ).stdout


def test_what_was_not_run_is_counted_with_its_reason(said: str) -> None:
    assert "1 passed, 2 skipped" in said, said
    assert "1 tests NOT RUN (docker): " in said
    assert "1 tests NOT RUN (gpu): no NVIDIA GPU" in said
