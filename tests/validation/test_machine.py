"""GPUs are found by asking the driver, and never assumed."""

from __future__ import annotations

from pathlib import Path

import pytest
from docker.types import DeviceRequest

from runner import engine
from runner.errors import ConfigError, EnvironmentFailed
from validation.machine import Gpus, choose_gpus, find_gpus

TWO = "NVIDIA A100-SXM4-80GB, 550.54.15\nNVIDIA A100-SXM4-80GB, 550.54.15\n"


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PATH to put an nvidia-smi on, and an engine that hands out GPUs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(engine, "gpu_request", lambda: DeviceRequest(count=-1, capabilities=[["gpu"]]))
    return tmp_path


def _answers(folder: Path, text: str, code: int = 0) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nprintf '%s' '{text}'\nexit {code}\n", encoding="utf-8")
    program.chmod(0o755)


def test_two_gpus(driver: Path) -> None:
    _answers(driver, TWO)
    assert find_gpus() == Gpus(("NVIDIA A100-SXM4-80GB",) * 2, "550.54.15")
    assert len(choose_gpus("auto").names) == 2
    assert choose_gpus("cpu").names == ()


def test_no_driver(driver: Path) -> None:
    assert choose_gpus("auto").names == ()
    with pytest.raises(EnvironmentFailed, match="nvidia-smi is not installed"):
        choose_gpus("cuda")


def test_a_driver_that_fails_is_no_gpu(driver: Path) -> None:
    _answers(driver, "Driver/library version mismatch", code=18)
    with pytest.raises(EnvironmentFailed, match="exited 18: Driver/library version mismatch"):
        choose_gpus("cuda")


def test_an_engine_without_gpus_is_no_gpu(driver: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _answers(driver, TWO)
    monkeypatch.setattr(engine, "gpu_request", lambda: None)
    with pytest.raises(EnvironmentFailed, match="the engine cannot hand GPUs"):
        choose_gpus("cuda")


def test_unknown_device() -> None:
    with pytest.raises(ConfigError, match="unknown device `tpu`"):
        choose_gpus("tpu")
