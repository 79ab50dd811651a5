"""The machine the suites run on: its GPUs, and what the record says of it."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from runner import progress
from runner.errors import ConfigError, EnvironmentFailed
from runner.untrusted import Malformed, read_own_file
from validation import nvml
from validation.families import find_family
from validation.nvml import Inventory
from validation.record import Environment

DEVICES = ("auto", "cpu", "cuda")
LOCAL = "local"
DOCKER = "docker"

_PROCESSORS = Path("/proc/cpuinfo")
_MAX_BYTES = 16 << 20
"""Bytes of a list of processors. One has 2 KB."""


@dataclass(frozen=True)
class Gpus:
    """GPU names as the driver gives them, and its version. `problem` says why there are none.

    `inventory` is the same in full, and like `names` empty if no GPU is to be used.
    """

    names: tuple[str, ...] = ()
    driver: str = ""
    problem: str = ""
    inventory: Inventory = field(default_factory=Inventory)


def find_gpus() -> Gpus:
    """Return the GPUs of this machine, as the driver lists them."""
    found = nvml.read_inventory()
    if not found.gpus:
        return Gpus(problem=found.problem, inventory=found)
    return Gpus(tuple(gpu.name for gpu in found.gpus), found.driver, inventory=found)


def choose_gpus(device: str, gpu_problem: Callable[[], str]) -> Gpus:
    """Return the GPUs to use: all for `cuda`, none for `cpu`, all that are there for `auto`.

    `gpu_problem` is that of the executor. Raises ConfigError if there is no such device,
    EnvironmentFailed if `cuda` is asked for and no GPU can be used.
    """
    if device not in DEVICES:
        raise ConfigError(f"unknown device `{device}`", f"choose one of {', '.join(DEVICES)}")
    if device == "cpu":
        return Gpus(problem="--device cpu was asked for")
    gpus = find_gpus()
    if gpus.names and (problem := gpu_problem()):
        gpus = Gpus(problem=problem)
    if device == "cuda" and not gpus.names:
        raise EnvironmentFailed(
            f"no GPU can be used: {gpus.problem}",
            "run `./release.py doctor` to find out why, or use --device cpu",
        )
    if not gpus.names:
        _say_once(f"  no GPU can be used ({gpus.problem}): GPU checks will be `not run`")
    return gpus


@cache
def _say_once(line: str) -> None:
    """Print a line the first time only: the GPUs are chosen for every image of a run."""
    progress.say_line(line)


@dataclass(frozen=True)
class Machine:
    """The machine that an executor runs suites on; `engine` is its engine's version, if it has one.

    `executor` is the executor's name in records.
    """

    executor: str
    cpus: int
    memory_bytes: int
    kernel: str
    engine: str


def describe_environment(gpus: Gpus, shm_bytes: int, runs_on: Machine) -> Environment:
    """Return the description of the machine for the record.

    `cpu` is the name in /proc/cpuinfo; the architecture if it gives none.
    """
    try:
        lines = read_own_file(_PROCESSORS, _MAX_BYTES).decode(errors="replace").splitlines()
    except (OSError, Malformed):
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return Environment(
        executor=runs_on.executor,
        device="cuda" if gpus.names else "cpu",
        gpus=gpus.names,
        driver=gpus.driver,
        cpu=next(models, platform.machine()),
        cpus=runs_on.cpus,
        memory_bytes=runs_on.memory_bytes,
        shm_bytes=shm_bytes,
        kernel=runs_on.kernel,
        engine=runs_on.engine,
        families=tuple(find_family(gpu.compute_capability) for gpu in gpus.inventory.gpus),
    )
