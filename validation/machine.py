"""The machine the suites run on: its GPUs, and what the record says of it."""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from runner import engine, progress
from runner.errors import ConfigError, EnvironmentFailed
from validation.record import Environment

QUERY = ("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Gpus:
    """GPU names as the driver gives them, and its version. `problem` says why there are none."""

    names: tuple[str, ...] = ()
    driver: str = ""
    problem: str = ""


def find_gpus() -> Gpus:
    """Ask the driver."""
    if shutil.which(QUERY[0]) is None:
        return Gpus(problem="nvidia-smi is not installed")
    try:
        done = subprocess.run(QUERY, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return Gpus(problem="nvidia-smi does not answer")
    rows = [line.rpartition(",") for line in done.stdout.splitlines() if line.strip()]
    if done.returncode != 0 or not rows:
        said = (done.stdout + done.stderr).strip().splitlines() or ["no GPU listed"]
        return Gpus(problem=f"nvidia-smi exited {done.returncode}: {said[0]}")
    return Gpus(tuple(name.strip() for name, _, _ in rows), driver=rows[0][2].strip())


def choose_gpus(device: str) -> Gpus:
    """The GPUs to use: all for `cuda`, none for `cpu`, all that are there for `auto`.

    Raises EnvironmentFailed where `cuda` is asked for and none can be used.
    """
    if device not in DEVICES:
        raise ConfigError(f"unknown device `{device}`", f"choose one of {', '.join(DEVICES)}")
    if device == "cpu":
        return Gpus(problem="--device cpu was asked for")
    gpus = find_gpus()
    if gpus.names and engine.gpu_request() is None:
        gpus = Gpus(problem="the engine cannot hand GPUs to containers")
    if device == "cuda" and not gpus.names:
        raise EnvironmentFailed(f"no GPU can be used: {gpus.problem}", "see `./release.py doctor`, or use --device cpu")
    if not gpus.names:
        progress.say(f"  no GPU can be used ({gpus.problem}): GPU checks will be `not run`")
    return gpus


def environment(gpus: Gpus, shm_bytes: int) -> Environment:
    """What the record says of this machine; CPUs, memory and kernel are those of the engine's."""
    info = engine.client().info()
    return Environment(
        executor="docker",
        device="cuda" if gpus.names else "cpu",
        gpus=gpus.names,
        driver=gpus.driver,
        cpu=_cpu_model(),
        cpus=info["NCPU"],
        memory_bytes=info["MemTotal"],
        shm_bytes=shm_bytes,
        kernel=info["KernelVersion"],
        engine=engine.version(),
    )


def _cpu_model() -> str:
    """The name in /proc/cpuinfo; the architecture where it gives none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
