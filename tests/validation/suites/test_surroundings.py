"""Folders, processes and text as a user of the image finds them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from validation.suites.environment import surroundings

BESIDE = Path(surroundings.__file__).parent


def test_a_folder_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    assert surroundings.find_writing_problem(tmp_path / "a" / "b") == ""
    assert not [*tmp_path.iterdir()]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = surroundings.find_writing_problem(tmp_path / "file" / "below")
    assert found == f"{tmp_path / 'file' / 'below'}: Not a directory"


def test_processes_that_end_and_that_do_not() -> None:
    zombie = subprocess.Popen(["true"])
    assert not surroundings.ends_within(zombie.pid, 0.2)
    zombie.wait()
    assert surroundings.ends_within(zombie.pid, 0.2)


def test_text_goes_through_a_program(tmp_path: Path) -> None:
    command = [sys.executable, str(BESIDE / "echo_text.py"), str(tmp_path)]
    done = subprocess.run(
        command, input="größer", capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert done.stdout == "größerTrue\n"
    assert (tmp_path / "größer").read_text(encoding="utf-8") == "größer"
