"""Throughput of a workload: the median over steps after warm-up, and how far the steps spread."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from validation.suites.training import require_trained, snapshot
from validation.suites.workloads import Workload


@dataclass(frozen=True)
class Plan:
    """How many steps; measuring stops early after `budget_s`, but never before `least` steps."""

    warmup: int
    steps: int
    budget_s: float
    least: int = 3


CPU = Plan(warmup=1, steps=6, budget_s=14)
GPU = Plan(warmup=20, steps=100, budget_s=60, least=20)


@dataclass(frozen=True)
class Throughput:
    """`per_s` in the workload's unit per second, from the median step; `spread` is the interquartile range over it."""

    per_s: float
    spread: float
    steps: int


def throughput(workload: Workload, plan: Plan) -> Throughput:
    """Train and measure. Raises AssertionError where the training was none."""
    before = snapshot(workload.parameters)
    losses = [workload.train() for _ in range(plan.warmup)]
    seconds: list[float] = []
    while len(seconds) < plan.least or (len(seconds) < plan.steps and sum(seconds) < plan.budget_s):
        started = time.perf_counter()
        losses.append(workload.train())
        seconds.append(time.perf_counter() - started)
    require_trained(before, workload.parameters, losses)
    low, median, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return Throughput(workload.batch / median, (high - low) / median, len(seconds))
