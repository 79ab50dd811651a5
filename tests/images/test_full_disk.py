"""A full disk is told as one, with the folder and what moves it, whoever noticed it."""

from __future__ import annotations

from pathlib import Path

import pytest

from images import wheelhouse
from runner import shell
from runner.errors import EnvironmentFailed
from tests.fakes.refusal import refused
from tests.fakes.wheels import make_wheel

PIP = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"


def test_pip_on_a_full_disk(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = make_wheel(folder=tmp_path)
    monkeypatch.setattr(shell, "run_to_end", lambda *_, **__: shell.CompletedProgram(2, "", PIP))
    with refused(
        EnvironmentFailed, "No space left on device", str(home), "PYTORCH_CUDA_IMAGES_HOME"
    ):
        wheelhouse.fetch_wheels([wheel], "3.11")


def test_pip_that_fails_for_another_reason(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = make_wheel(folder=tmp_path)
    monkeypatch.setattr(
        shell,
        "run_to_end",
        lambda *_, **__: shell.CompletedProgram(2, "", "ERROR: no such package\n"),
    )
    with refused(EnvironmentFailed, "no such package", "pip's index configuration"):
        wheelhouse.fetch_wheels([wheel], "3.11")
