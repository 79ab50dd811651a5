"""The machine the suites run on: its GPUs, and what the record says of it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from runner import engine, progress
from runner.errors import ConfigError, EnvironmentFailed
from validation import nvml
from validation.nvml import Inventory
from validation.record import Environment

DEVICES = ("auto", "cpu", "cuda")
LOCAL = "local"
DOCKER = "docker"


@dataclass(frozen=True)
class Gpus:
    """GPU names as the driver gives them, and its version. `problem` says why there are none.

    `inventory` is the same in full, and like `names` empty where no GPU is to be used.
    """

    names: tuple[str, ...] = ()
    driver: str = ""
    problem: str = ""
    inventory: Inventory = field(default_factory=Inventory)


def find_gpus() -> Gpus:
    """Ask the driver."""
    found = nvml.inventory()
    if not found.gpus:
        return Gpus(problem=found.problem, inventory=found)
    return Gpus(tuple(gpu.name for gpu in found.gpus), found.driver, inventory=found)


def choose_gpus(device: str, executor: str = DOCKER) -> Gpus:
    """The GPUs to use: all for `cuda`, none for `cpu`, all that are there for `auto`.

    Raises EnvironmentFailed where `cuda` is asked for and none can be used.
    """
    if device not in DEVICES:
        raise ConfigError(f"unknown device `{device}`", f"choose one of {', '.join(DEVICES)}")
    if device == "cpu":
        return Gpus(problem="--device cpu was asked for")
    gpus = find_gpus()
    if gpus.names and executor != LOCAL and engine.gpu_request() is None:
        gpus = Gpus(problem="the engine cannot hand GPUs to containers")
    if device == "cuda" and not gpus.names:
        raise EnvironmentFailed(
            f"no GPU can be used: {gpus.problem}", "see `./release.py doctor`, or use --device cpu"
        )
    if not gpus.names:
        _say_once(f"  no GPU can be used ({gpus.problem}): GPU checks will be `not run`")
    return gpus


@cache
def _say_once(line: str) -> None:
    """A run asks for every image; the person is told the first time."""
    progress.say(line)


def environment(gpus: Gpus, shm_bytes: int, executor: str = DOCKER) -> Environment:
    """What the record says of this machine; with an engine CPUs, memory and kernel are those of the
    engine's.
    """
    runs_on = _this_machine() if executor == LOCAL else _engines_machine()
    return Environment(
        executor=executor,
        device="cuda" if gpus.names else "cpu",
        gpus=gpus.names,
        driver=gpus.driver,
        cpu=_cpu_model(),
        cpus=runs_on.cpus,
        memory_bytes=runs_on.memory_bytes,
        shm_bytes=shm_bytes,
        kernel=runs_on.kernel,
        engine=runs_on.engine,
    )


@dataclass(frozen=True)
class _Machine:
    cpus: int
    memory_bytes: int
    kernel: str
    engine: str


def _engines_machine() -> _Machine:
    info = engine.client().info()
    return _Machine(info["NCPU"], info["MemTotal"], info["KernelVersion"], engine.version())


def _this_machine() -> _Machine:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return _Machine(len(os.sched_getaffinity(0)), memory, platform.release(), engine="")


def _cpu_model() -> str:
    """The name in /proc/cpuinfo; the architecture where it gives none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
