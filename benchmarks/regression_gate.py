#!/usr/bin/env python3
"""Measure how often the regression gate is wrong, and which changes it can detect.

Without options, it simulates runs with figures from a normal distribution around a true change, and
judges them with the gate's own code. With `--real N`, it makes N comparisons of the base image with
itself, and N with each of three slower copies: by 5, 10 and 30 % in every training step. These run
in real containers on this machine's CPU.

    .venv/bin/python benchmarks/regression_gate.py
    .venv/bin/python benchmarks/regression_gate.py --real 3

The first takes less than a minute. The second makes 12 comparisons of 2 to 4 minutes each.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import statistics
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from runner import pull
from runner.verdict import Verdict
from tests.defects.slower import runs
from tests.real_images import reference_of
from tests.validation.suites_here import asserted
from validation import harness
from validation.executors.interface import Setup
from validation.record import SuiteResult
from validation.regression import LOOKS, ComparedSide, InterimLook, Run, compare_releases

NOISES = (0.0005, 0.01, 0.02, 0.05)
CHANGES = (0.0, -0.01, -0.02, -0.03, -0.05, -0.10, -0.30)
SLOWER = (0, 5, 10, 30)
PLAIN = (InterimLook(6, 2.132), InterimLook(12, 1.812))
"""Bounds of 95 % at each look, as if it were the only look; LOOKS replaces them."""

GATES = 10_000
SEED = 3


@dataclass(frozen=True)
class World:
    """The parameters of simulated runs; noise and change are those of the logarithm.

    `noise` is the standard deviation of one run, `change` the true change, and `drift` the loss of
    each run against the one before. With probability `disturbed` a run loses a further 10 %.
    """

    noise: float
    change: float
    drift: float = 0.0
    disturbed: float = 0.0

    def run(self) -> Run:
        """Return the runs of one comparison."""
        runs = iter(range(1000))

        def run(side: ComparedSide) -> Mapping[str, float]:
            true = (self.change if side is ComparedSide.CANDIDATE else 0.0) - self.drift * next(
                runs
            )
            struck = math.log(0.9) if random.random() < self.disturbed else 0.0  # noqa: S311 - no secret
            return {"simulated": math.exp(random.gauss(true + struck, self.noise))}

        return run


@dataclass
class Rates:
    """The results of GATES simulated comparisons."""

    ended: Counter[Verdict] = field(default_factory=Counter)
    pairs: int = 0

    def __str__(self) -> str:
        shares = (
            100 * self.ended[each] / GATES
            for each in (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
        )
        return f"{' / '.join(f'{share:.1f}' for share in shares)} ({self.pairs / GATES:.1f})"


def simulate(world: World, looks: Sequence[InterimLook] = LOOKS) -> Rates:
    """Return verdicts and numbers of pairs of GATES comparisons in `world`."""
    found = Rates()
    for _ in range(GATES):
        result = compare_releases(world.run(), looks)
        found.ended[result.verdict] += 1
        found.pairs += int(figure(result, "pairs"))
    return found


def figure(result: SuiteResult, name: str) -> float:
    """Return a figure of the one workload that was compared."""
    return next(one.value for one in result.checks[0].figures if one.name == name)


def print_simulation() -> None:
    """Print two tables: the gate, and the gate with plain bounds or in worse worlds."""
    print(
        f"fail / inconclusive / pass in % of {GATES} comparisons (mean pairs); columns: noise "
        "of "
        "a run\n"
    )
    print(
        "| true change |",
        " | ".join(f"{100 * noise:g} %" for noise in NOISES),
        "|\n|---|---|---|---|---|",
    )
    for change in CHANGES:
        row = [simulate(World(noise, change)) for noise in NOISES]
        print(f"| {100 * change:.0f} % | {' | '.join(map(str, row))} |", flush=True)
    print("\n| noise 1 %, and | no change | -2 % | -5 % |\n|---|---|---|---|")
    for name, looks, drift, disturbed in (
        ("bounds of 95 % at each look", PLAIN, 0.0, 0.0),
        ("every run 0.5 % slower", LOOKS, 0.005, 0.0),
        ("one run in 20 loses 10 %", LOOKS, 0.0, 0.05),
    ):
        row = [
            simulate(World(0.01, change, drift, disturbed), looks) for change in (0, -0.02, -0.05)
        ]
        print(f"| {name} | {' | '.join(map(str, row))} |", flush=True)


def base_setup() -> Setup:
    """Return the real base image, on the CPU."""
    reference = reference_of("base")
    pull.pull_image(reference)
    return Setup(reference, harness.install_harness(), asserted("base"))


def note_figures(run: Run, seen: dict[ComparedSide, list[float]]) -> Run:
    """Return `run` with the addition that the logarithm of every figure is kept in `seen`."""

    def noting(side: ComparedSide) -> Mapping[str, float]:
        found = run(side)
        seen[side].extend(math.log(value) for value in found.values())
        return found

    return noting


def measure(percent: int, clean: Setup) -> str:
    """Make one real comparison and return its row of the table.

    The noise in it is the standard deviation of the runs of one side.
    """
    seen: dict[ComparedSide, list[float]] = {side: [] for side in ComparedSide}
    result = compare_releases(note_figures(runs(clean, percent), seen))
    name = f"{percent} % slower ({100 * math.log(1 / (1 + percent / 100)):.1f} %)"
    if not result.checks:
        return f"| {name} | {result.verdict} | {result.reason} | | | {result.seconds:.0f} s |"
    mean, lower, upper, pairs = (
        figure(result, name) for name in ("mean", "lower", "upper", "pairs")
    )
    noise = 100 * statistics.fmean(statistics.stdev(values) for values in seen.values())
    text = (
        f"{mean:.1f} % ({lower:.1f} to {upper:.1f}) | {pairs:.0f} | {noise:.1f} % | "
        f"{result.seconds:.0f} s"
    )
    return f"| {name} | {result.verdict} | {text} |"


def main() -> None:
    """Print the tables of docs/validation.md."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--real",
        type=int,
        default=0,
        metavar="N",
        help="comparisons of each kind in real containers",
    )
    arguments = parser.parse_args()
    if not arguments.real:
        random.seed(SEED)
        print_simulation()
        return
    clean = base_setup()
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print(
        "| candidate | verdict | mean log-ratio (bounds) | pairs | noise of a run | took "
        "|\n|---|---|---|---|---|---|"
    )
    for _ in range(arguments.real):
        for percent in SLOWER:
            print(measure(percent, clean), flush=True)


if __name__ == "__main__":
    main()
