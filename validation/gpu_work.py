"""Whether the driver saw what a suite says it did on the GPUs.

NVML is asked on the host: no image takes part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from runner.verdict import Verdict
from validation import check_list
from validation.nvml import NOT_TOLD, GpuActivity, GpuAtRest
from validation.record import Check, SuiteResult
from validation.suite import Suite
from validation.suites.contract.words import EXPECTED

MIN_BYTES = 64 << 20
"""A CUDA context alone takes more; at rest the memory in use of an idle GPU varies by less."""

CAUSE = "the GPU checks were not made on the GPU, or the report was not made by the suites"
EVERY = "every"
MEMORY = "memory cuda:"
PEAK = "peak_memory"
MB = 1_000_000
SHARE = 0.5
"""Of the largest peak that `throughput` reports, what NVML must have seen.

A training holds its activations for seconds; the work space that cuDNN tries for a moment counts as
part of the peak too.
"""


def check_gpu_work(
    result: SuiteResult,
    suite: Suite,
    container: str,
    gpus: Iterable[GpuAtRest],
    work: Mapping[int, GpuActivity],
) -> SuiteResult:
    """Return `result`, or the same as failed if the driver saw no work or contradicts a figure.

    `container` is the engine's id, empty if its processes cannot be told from others. `gpus`
    are the planned GPUs at rest, `work` is what was seen of each by its index.
    """
    at_rest = tuple(gpus)
    if not at_rest or not suite.listed or not suite.works_on:
        return result
    passed = {check.name for check in result.checks if check.verdict is Verdict.PASS}
    if suite.works_on == EVERY:  # every check of a suite that works on `one` uses it if it can
        listed = check_list.load_checks(suite)
        passed &= {name for name, check in listed.items() if check.gpus}
    if not passed:
        return result
    problem = _describe_missing_work(suite, container, at_rest, work) or next(
        _impossible_memory(result.checks, at_rest, work), ""
    )
    if not problem or result.verdict is Verdict.FAIL:
        return result
    return replace(result, verdict=Verdict.FAIL, reason=problem, cause=CAUSE)


def _describe_missing_work(
    suite: Suite, container: str, gpus: Iterable[GpuAtRest], work: Mapping[int, GpuActivity]
) -> str:
    idle = [
        gpu.index
        for gpu in gpus
        if not _is_seen_working(gpu, work.get(gpu.index, GpuActivity()), container)
    ]
    every = [gpu.index for gpu in gpus]
    if not idle or (suite.works_on != EVERY and len(idle) < len(every)):
        return ""
    named = ", ".join(map(str, idle))
    return f"the GPU checks passed, but the driver saw no work on GPU {named}"


def _is_seen_working(at_rest: GpuAtRest, work: GpuActivity, container: str) -> bool:
    """Return whether the container worked on this GPU, by its processes, or by memory and load.

    A driver in a virtual machine or with MIG may name no process; one of another process namespace
    has no group here.
    """
    if container and any(container in owner for owner in work.owners):
        return True
    if container and work.owners and "" not in work.owners:
        return False
    rest = max(at_rest.memory_used_bytes, 0)
    told_nothing = work.memory_used_bytes == NOT_TOLD and work.utilisation_percent == NOT_TOLD
    return (
        told_nothing or work.memory_used_bytes >= rest + MIN_BYTES or work.utilisation_percent > 0
    )


def _impossible_memory(
    checks: Iterable[Check], gpus: Iterable[GpuAtRest], work: Mapping[int, GpuActivity]
) -> Iterator[str]:
    """Yield what a figure says of memory against what the driver says."""
    largest = max(gpu.memory_bytes for gpu in gpus)
    seen = max((each.memory_used_bytes for each in work.values()), default=NOT_TOLD)
    for name, figure in ((check.name, each) for check in checks for each in check.figures):
        if figure.name != PEAK and not figure.name.startswith(MEMORY):
            continue
        had = figure.value * MB if figure.name == PEAK else figure.value
        report = f"`{name}` reports {had / 1e9:.2f} GB of memory"
        if 0 < largest < had:
            yield f"{report}{EXPECTED}at most the {largest / 1e9:.2f} GB of the GPU"
        elif figure.name == PEAK and 0 < seen < SHARE * had:
            yield (
                f"{report}{EXPECTED}not much more than the {seen / 1e9:.2f} GB that the driver "
                "saw in use"
            )
