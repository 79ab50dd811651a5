"""Throughput of a workload: warm-up until its pace is steady, then the median over steps.

The spread of the steps is measured too. It needs no torch, so that the host can test it.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..outcome import report_infra

STATUS = Path("/proc/self/status")
RESET_PEAK = Path("/proc/self/clear_refs")
CPUINFO = Path("/proc/cpuinfo")
BF16 = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Linux's names of bfloat16 instructions: of x86 (the first two) and of Arm."""


@dataclass(frozen=True)
class MeasurementPlan:
    """How long to warm up and to measure; every time is in seconds.

    Warm-up goes in windows of at least `window_steps` and `window_s`. It ends when the slowest
    median of the last `windows` is at most `agree` (a fraction) above the fastest. It is given up
    after `most_windows` and `most_s`, both, and after `limit_s`. The measurement after it takes at
    least `steps` and `measured_s`.
    """

    window_steps: int
    window_s: float
    windows: int
    agree: float
    most_windows: int
    most_s: float
    limit_s: float
    steps: int
    measured_s: float


CPU = MeasurementPlan(
    window_steps=1,
    window_s=0,
    windows=2,
    agree=1.0,
    most_windows=8,
    most_s=10,
    limit_s=60,
    steps=3,
    measured_s=0,
)
"""The plan on a CPU: few steps, because they take up to a second.

Other programs share the CPU, so the limit of the spread is one that only something odd exceeds (a
step twice as long as the one before). The result is for the record and no gate.
"""

GPU = MeasurementPlan(
    window_steps=10,
    window_s=1,
    windows=3,
    agree=0.02,
    most_windows=30,
    most_s=60,
    limit_s=120,
    steps=30,
    measured_s=5,
)
"""The plan on a GPU: at least 3 s of warm-up, in which cuDNN tries its algorithms and clocks rise.

The regression gate must see 2 %. Each check takes at least 8 s, so all eight take about 80 s with
the building of their models.
"""


@dataclass(frozen=True)
class MeasuredPace:
    """Seconds of the median step, and how it was measured.

    `spread` is the interquartile range over the median; `steps` were measured after `warmup` steps.
    """

    step_s: float
    spread: float
    steps: int
    warmup: int


def measure_pace(
    step: Callable[[], object],
    plan: MeasurementPlan,
    clock: Callable[[], float] = time.perf_counter,
) -> MeasuredPace:
    """Measure the pace of `step`, which must return when the device has finished it.

    The check ends as `infra` if the pace does not become steady.
    """
    warmup = _warm_up(step, plan, clock)
    seconds = time_steps(step, plan.steps, plan.measured_s, clock)
    low, median, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return MeasuredPace(median, (high - low) / median, len(seconds), warmup)


def _warm_up(step: Callable[[], object], plan: MeasurementPlan, clock: Callable[[], float]) -> int:
    """Run steps until the pace is steady and return how many; none of them is measured."""
    windows: list[list[float]] = []
    while True:
        medians = [statistics.median(window) for window in windows[-plan.windows :]]
        if len(medians) == plan.windows and max(medians) <= (1 + plan.agree) * min(medians):
            return sum(map(len, windows))
        spent = sum(map(sum, windows))
        if spent >= plan.limit_s or (spent >= plan.most_s and len(windows) >= plan.most_windows):
            _report_unsteady_pace(windows[-plan.windows :], plan, spent)
        windows.append(time_steps(step, plan.window_steps, plan.window_s, clock))


def _report_unsteady_pace(windows: list[list[float]], plan: MeasurementPlan, spent: float) -> None:
    last = ", ".join(f"{1000 * statistics.median(window):.1f}" for window in windows)
    report_infra(
        f"no steady state in {spent:.0f} s of warm-up: the last medians are {last} ms a step, "
        f"expected within {100 * plan.agree:.0f} % of each other",
        (
            "something else uses the device, its clocks are being throttled, or every step does "
            "work anew"
        ),
    )


def time_steps(
    step: Callable[[], object],
    least: int,
    least_s: float,
    clock: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Return the seconds of each of at least `least` steps, made for at least `least_s` seconds."""
    seconds: list[float] = []
    began = clock()
    while len(seconds) < least or clock() - began < least_s:
        started = clock()
        step()
        seconds.append(clock() - started)
    return seconds


def reset_peak_rss() -> None:
    """Forget the peak that earlier work of this process left.

    A kernel that cannot do this keeps the older, higher peak.
    """
    with contextlib.suppress(OSError):
        RESET_PEAK.write_text("5", encoding="ascii")  # see proc(5)


def peak_rss() -> int:
    """Return the most bytes of memory this process had since `reset_peak_rss`."""
    lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    peak = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return 1024 * int(peak)


def has_bf16(cpuinfo: str) -> bool:
    """Return whether a processor has bfloat16 instructions, from the text of /proc/cpuinfo.

    Without them it computes in float32.
    """
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    return any(
        BF16 & set(value.split())
        for name, _, value in lines
        if name.strip() in ("flags", "Features")
    )
