"""Checks of the host before any container is started.

No suite is started on a machine that cannot give a fair result.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from images.compatibility import load_compatibility
from runner import home, records
from runner.nouns import count_noun
from runner.owner import describe_process
from runner.verdict import Verdict, worst_verdict
from validation.nvml import SLOWED, GpuAtRest, Inventory
from validation.record import Check, Figure, SuiteResult
from validation.suites.contract.words import EXPECTED, NO_GPU

NAME = "preflight"

MEMORY_SHARE_IN_USE = 0.25
"""Of a GPU's memory. At rest a driver and a desktop keep some hundred megabytes."""
UTILISATION_PERCENT = 10
MAX_NAMED = 3
"""Processes on a GPU that a message names."""

FREE_DISK_BYTES = 10**9
"""Records and the suites' scratch folders are some megabytes; a disk this full stops the engine
first.
"""
FREE_MEMORY_BYTES = 4 * 10**9
"""A suite's container was seen to hold 1.4 GB of its own (`total_rss` of its cgroup, on the CPU),
and may fill 1 GiB of /dev/shm; the rest is for the engine and the harness.
"""


@dataclass(frozen=True)
class _HostProblem:
    reason: str
    cause: str


@dataclass(frozen=True)
class FreeSpace:
    """Free disk of the host, and memory that it can give without swapping, in bytes."""

    disk_bytes: int
    memory_bytes: int


def check_host(seen: Inventory, driver_floor: str, cuda: str = "") -> SuiteResult:
    """Judge the host: its driver, its GPUs at rest, room for records.

    The driver is compared with the floor of the line's CUDA ("525"). A refusal is `infra`, with
    the way out as cause. Checks of GPUs are `not run` if `seen` has none. With `cuda` ("12.4")
    the driver of that toolkit is told beside the one found.
    """
    started = time.monotonic()
    out = home.out_folder().absolute()  # it need not exist yet
    disk = shutil.disk_usage(next(path for path in (out, *out.parents) if path.exists()))
    lines = records.read_text(Path("/proc/meminfo")).splitlines()
    available = next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    room = FreeSpace(disk.free, int(available) * 1024)
    checks = tuple(_host_checks(seen, cuda, driver_floor, room))
    verdict = worst_verdict(check.verdict for check in checks)
    first = next((check for check in checks if check.verdict is verdict), None)
    explained = first is not None and verdict is not Verdict.PASS
    return SuiteResult(
        suite=NAME,
        verdict=verdict,
        reason=f"{first.name}: {first.reason}" if first and explained else "",
        cause=first.cause if first and explained else "",
        seconds=round(time.monotonic() - started, 3),
        checks=checks,
        last_output="",
    )


def _host_checks(seen: Inventory, cuda: str, driver_floor: str, room: FreeSpace) -> Iterator[Check]:
    judged: tuple[tuple[str, Callable[[], Iterable[_HostProblem]]], ...] = (
        ("driver_floor", lambda: _old_driver(seen.driver, driver_floor)),
        ("every_gpu_answers", lambda: _find_silent(seen.problem)),
        ("mig", lambda: _problems_per_gpu(seen, _find_sliced)),
        ("throttled_at_rest", lambda: _problems_per_gpu(seen, _find_slowed)),
        ("gpu_memory_errors", lambda: _problems_per_gpu(seen, _find_damaged)),
        ("gpus_are_idle", lambda: _problems_per_gpu(seen, _find_busy)),
    )
    for name, look in judged:
        if seen.gpus:
            yield _join_problems(
                name, look(), _parse_versions(seen.driver, cuda) if name == "driver_floor" else ()
            )
        else:
            yield Check(name, Verdict.NOT_RUN, NO_GPU, 0.0, ())
    yield _join_problems(
        "disk", _find_full_disk(room), (Figure("free_disk", room.disk_bytes, "bytes"),)
    )
    yield _join_problems(
        "memory", _shorten_names(room), (Figure("free_memory", room.memory_bytes, "bytes"),)
    )


def _join_problems(
    name: str, problems: Iterable[_HostProblem], figures: tuple[Figure, ...] = ()
) -> Check:
    """Return one check with all problems in one line; they have one way out."""
    found = tuple(problems)
    if not found:
        return Check(name, Verdict.PASS, "", 0.0, figures)
    return Check(
        name, Verdict.INFRA, "; ".join(each.reason for each in found), 0.0, figures, found[0].cause
    )


def _problems_per_gpu(
    seen: Inventory, look: Callable[[GpuAtRest], Iterator[_HostProblem]]
) -> Iterator[_HostProblem]:
    return (problem for gpu in seen.gpus for problem in look(gpu))


def _old_driver(driver: str, floor: str) -> Iterator[_HostProblem]:
    if _parse_numbers(driver) < _parse_numbers(floor):
        yield _HostProblem(
            f"the driver is {driver}{EXPECTED}{floor} or newer",
            (
                f"the image's CUDA does not run on a driver this old: update it to {floor} or "
                "newer, then reboot"
            ),
        )


def _parse_versions(driver: str, cuda: str) -> tuple[Figure, ...]:
    """Return the driver, and the one the toolkit came with, as MAJOR.MINOR."""
    named = {"driver": driver, "driver_of_the_toolkit": load_compatibility().toolkit_driver(cuda)}
    numbers = {name: _parse_numbers(version)[:2] for name, version in named.items()}
    return tuple(
        Figure(name, float(".".join(map(str, found))), "version")
        for name, found in numbers.items()
        if found
    )


def _parse_numbers(version: str) -> tuple[int, ...]:
    """Return `550.54.15` as numbers, up to the first part that is not a number."""
    parts = version.split(".")
    end = next((index for index, part in enumerate(parts) if not part.isdigit()), len(parts))
    return tuple(int(part) for part in parts[:end])


def _find_silent(problem: str) -> Iterator[_HostProblem]:
    if problem:
        yield _HostProblem(
            f"{problem}{EXPECTED}every GPU to answer",
            (
                "the GPU fell off the bus or needs a reset: see the kernel's log for Xid errors, "
                "then reset it or reboot"
            ),
        )


def _find_sliced(gpu: GpuAtRest) -> Iterator[_HostProblem]:
    if gpu.mig:
        yield _HostProblem(
            f"MIG is on for GPU {gpu.index}{EXPECTED}it to be off",
            (
                "torch sees at most one MIG slice per process, so GPU counts differ: turn MIG off "
                "with `nvidia-smi -mig 0`"
            ),
        )


def _find_slowed(gpu: GpuAtRest) -> Iterator[_HostProblem]:
    reasons = [reason for reason in gpu.throttled if reason in SLOWED]
    if reasons:
        yield _HostProblem(
            (
                f"GPU {gpu.index} is slowed down at rest ({', '.join(reasons)}){EXPECTED}its "
                "full speed"
            ),
            (
                "the GPU is too hot or has too little power: look at its fans and power cables, "
                "then try again"
            ),
        )


def _find_damaged(gpu: GpuAtRest) -> Iterator[_HostProblem]:
    errors = (
        [f"{gpu.uncorrected_errors} uncorrected ECC errors"] if gpu.uncorrected_errors > 0 else []
    )
    if errors or gpu.repairs:
        yield _HostProblem(
            f"GPU {gpu.index} has {', '.join([*errors, *gpu.repairs])}{EXPECTED}none",
            (
                "its memory is failing: reset the GPU or reboot, and replace it where the errors "
                "come back"
            ),
        )


def _find_busy(gpu: GpuAtRest) -> Iterator[_HostProblem]:
    signs = []
    if gpu.processes > 0:
        ids = gpu.process_ids[:MAX_NAMED]
        named = ", ".join(describe_process(pid, with_user=False) for pid in ids)
        count = count_noun(gpu.processes, "process", "processes")
        signs.append(": ".join(filter(None, [count, named])))
    elif gpu.processes < 0 and gpu.utilisation_percent >= UTILISATION_PERCENT:
        # Only if processes are not told: utilisation lags behind the end of a program.
        signs.append(f"{gpu.utilisation_percent} % utilised")
    if gpu.memory_used_bytes > MEMORY_SHARE_IN_USE * gpu.memory_bytes > 0:
        signs.append(f"{gpu.memory_used_bytes / gpu.memory_bytes:.0%} of its memory taken")
    if signs:
        yield _HostProblem(
            f"GPU {gpu.index} is in use ({', '.join(signs)}){EXPECTED}it to be idle",
            (
                "another program computes on it, so neither its speed nor its memory is ours: end "
                "it, or wait"
            ),
        )


def _find_full_disk(room: FreeSpace) -> Iterator[_HostProblem]:
    if room.disk_bytes < FREE_DISK_BYTES:
        yield _HostProblem(
            (
                f"{room.disk_bytes / 1e9:.2f} GB free for "
                f"records{EXPECTED}at least {FREE_DISK_BYTES / 1e9:.0f} GB"
            ),
            (
                "the disk of the records is full: free space, or move them with "
                "PYTORCH_CUDA_IMAGES_OUT"
            ),
        )


def _shorten_names(room: FreeSpace) -> Iterator[_HostProblem]:
    if room.memory_bytes < FREE_MEMORY_BYTES:
        yield _HostProblem(
            (
                f"{room.memory_bytes / 1e9:.2f} GB of memory "
                f"available{EXPECTED}at least {FREE_MEMORY_BYTES / 1e9:.0f} GB"
            ),
            "other programs hold the memory: end them, or the kernel will end a suite's process",
        )
