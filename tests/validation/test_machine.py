"""GPUs are found by asking the driver, and never assumed; the record says where the suites ran."""

from __future__ import annotations

import os
import platform
from typing import NoReturn

import pynvml
import pytest
from docker.types import DeviceRequest

from runner import engine, progress
from runner.errors import ConfigError, EnvironmentFailed
from tests.fakes.nvml import FakeGpu, FakeNvml
from validation import machine
from validation.executors import docker, local
from validation.machine import Gpus, describe_environment, find_gpus

NAME = "NVIDIA A100-SXM4-80GB"


def choose_gpus(device: str) -> Gpus:
    return machine.choose_gpus(device, docker.gpu_problem)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the person was told; the engine hands out GPUs."""
    lines: list[str] = []
    machine._say_once.cache_clear()
    monkeypatch.setattr(progress, "say_line", lines.append)
    monkeypatch.setattr(
        engine, "gpu_request", lambda: DeviceRequest(count=-1, capabilities=[["gpu"]])
    )
    return lines


def _no_engine() -> NoReturn:
    raise EnvironmentFailed("no engine here")


def test_two_gpus(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(FakeGpu(), FakeGpu()).install(monkeypatch)
    found = find_gpus()
    assert (found.names, found.driver, found.problem) == ((NAME, NAME), "550.54.15", "")
    assert [gpu.index for gpu in found.inventory.gpus] == [0, 1]
    assert choose_gpus("auto") == choose_gpus("cuda") == found
    assert choose_gpus("cpu") == Gpus(problem="--device cpu was asked for")
    assert not said


def test_no_driver_is_said_once(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(init_error=pynvml.NVML_ERROR_LIBRARY_NOT_FOUND).install(monkeypatch)
    for _ in range(3):
        assert choose_gpus("auto").names == ()
    why = "no NVIDIA driver was found: libnvidia-ml.so.1 is missing"
    assert said == [f"  no GPU can be used ({why}): GPU checks will be `not run`"]
    with pytest.raises(EnvironmentFailed, match=f"no GPU can be used: {why}"):
        choose_gpus("cuda")


def test_a_driver_that_fails_is_no_gpu(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(FakeGpu(), init_error=pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH).install(monkeypatch)
    with pytest.raises(EnvironmentFailed, match="NVML/RM version mismatch"):
        choose_gpus("cuda")
    assert not said


def test_a_gpu_that_does_not_answer_is_left_out(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeNvml(FakeGpu(), FakeGpu(lost_after=0)).install(monkeypatch)
    found = choose_gpus("auto")
    assert (found.names, found.inventory.problem) == ((NAME,), "GPU 1: NVML says `GPU is lost`")
    assert not said


def test_an_engine_without_gpus_is_no_gpu(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(FakeGpu()).install(monkeypatch)
    monkeypatch.setattr(engine, "gpu_request", lambda: None)
    assert choose_gpus("auto") == Gpus(problem="the engine cannot hand GPUs to containers")
    assert len(said) == 1
    with pytest.raises(EnvironmentFailed, match="the engine cannot hand GPUs"):
        choose_gpus("cuda")


def test_without_an_engine_none_is_asked(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(FakeGpu()).install(monkeypatch)
    monkeypatch.setattr(engine, "gpu_request", _no_engine)
    monkeypatch.setattr(engine, "connect_engine", _no_engine)
    gpus = machine.choose_gpus("cuda", local.gpu_problem)
    here = describe_environment(gpus, 1 << 30, local.describe_machine())
    assert (here.executor, here.device, here.gpus, here.driver) == (
        "local",
        "cuda",
        (NAME,),
        "550.54.15",
    )
    assert (here.engine, here.kernel, here.cpus) == (
        "",
        platform.release(),
        len(os.sched_getaffinity(0)),
    )
    assert here.memory_bytes > 10**8
    assert not said


def test_the_record_says_where_the_engine_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def info(self) -> dict[str, object]:
            return {"NCPU": 96, "MemTotal": 7, "KernelVersion": "6.1"}

    monkeypatch.setattr(engine, "connect_engine", Client)
    monkeypatch.setattr(engine, "engine_version", lambda: "27.0")
    found = describe_environment(Gpus(), 5, docker.describe_machine())
    assert (found.executor, found.device, found.gpus, found.driver, found.shm_bytes) == (
        "docker",
        "cpu",
        (),
        "",
        5,
    )
    assert (found.cpus, found.memory_bytes, found.kernel, found.engine) == (96, 7, "6.1", "27.0")


def test_unknown_device() -> None:
    with pytest.raises(ConfigError, match="unknown device `tpu`"):
        choose_gpus("tpu")
