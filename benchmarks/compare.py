#!/usr/bin/env python3
"""Compare two commits by the small benchmark: end with 1 if HEAD is slower than BASE.

    .venv/bin/python benchmarks/compare.py BASE HEAD

Both are checked out into scratch worktrees, and each runs its own benchmarks/small.py with this
interpreter, in turn, in the order base, head, head, base. HEAD is slower if a figure has more CPU
seconds (medians), waits longer (the least wall seconds), or sends more requests to the registry,
each by more than the limits below. A figure that seems slower is measured in twice as many rounds
before that is believed. CPU seconds hardly depend on other programs. Commits whose
workloads differ are not compared, and a line says so.

Exit codes: 0 not slower, or not compared; 1 slower; 2 a commit is not known; 3 a benchmark failed.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
SMALL = Path("benchmarks") / "small.py"
ROUNDS = 6
"""How often each side runs: an even number, so that each is the first one equally often."""
CPU_RATIO, CPU_S = 1.25, 0.05
"""HEAD may take this much more CPU time. The noise that was measured is in docs/benchmarks.md."""
WALL_RATIO, WALL_S = 1.5, 0.3
"""The same for the least wall seconds, which must also be this much above the median of BASE.

Other programs can only make a run longer. The more they do, the further are the median and the
least of BASE apart, and so the longer a wait must be.
"""
REQUESTS_RATIO = 1.05
TIMEOUT_S = 600


@dataclass(frozen=True)
class Sample:
    """One run of one figure: seconds of CPU, wall seconds, and requests to the registry."""

    cpu: float
    wall: float
    requests: int


Run = dict[str, Sample]
"""The figures of one run of the benchmark, by name."""


@dataclass(frozen=True)
class Comparison:
    """A figure of both sides, as a line; `problem` says why HEAD is slower, or is empty."""

    line: str
    problem: str


def compare_figure(name: str, base: Sequence[Sample], head: Sequence[Sample]) -> Comparison:
    """Compare the samples of one figure."""
    cpu = [statistics.median(each.cpu for each in side) for side in (base, head)]
    wall = [min(each.wall for each in side) for side in (base, head)]
    requests = [min(each.requests for each in side) for side in (base, head)]
    ratio = cpu[1] / max(cpu[0], 0.01)
    problems = []
    if cpu[1] > cpu[0] * CPU_RATIO and cpu[1] - cpu[0] > CPU_S:
        problems.append(f"{ratio:.2f} times the CPU time")
    usual = statistics.median(each.wall for each in base)
    if wall[1] > wall[0] * WALL_RATIO and wall[1] > usual + WALL_S:
        problems.append(f"{wall[1] - wall[0]:.1f} s longer at the least")
    if requests[1] > requests[0] * REQUESTS_RATIO:
        problems.append(f"{requests[1]} requests instead of {requests[0]}")
    line = (
        f"{name}: CPU {cpu[0]:.2f} -> {cpu[1]:.2f} s ({ratio:.2f}), least wall {wall[0]:.2f} -> "
        f"{wall[1]:.2f} s, requests {requests[0]} -> {requests[1]}"
    )
    return Comparison(line, ", ".join(problems))


def compare_runs(base: Sequence[Run], head: Sequence[Run]) -> list[Comparison]:
    """Compare every figure that both sides have."""
    return [
        compare_figure(name, [run[name] for run in base], [run[name] for run in head])
        for name in base[0]
        if name in head[0]
    ]


class BenchmarkFailed(Exception):
    """A checkout cannot run its benchmark."""


@contextmanager
def check_out(commit: str) -> Iterator[Path]:
    """Check a commit out into a scratch worktree, which is removed afterwards."""
    git = ["git", "-C", str(REPOSITORY), "worktree"]
    with tempfile.TemporaryDirectory(prefix="compare-") as scratch:
        tree = Path(scratch) / "tree"
        words = [*git, "add", "-q", "--detach", str(tree), commit]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchmarkFailed(f"git cannot check out `{commit}`: {done.stderr[-3000:].strip()}")
        try:
            yield tree
        finally:
            # a folder that is left behind says nothing about speed: git forgets it by itself
            subprocess.run([*git, "remove", "--force", str(tree)], check=False)


def run_small(tree: Path) -> tuple[int, Run]:
    """Run the benchmark of a checkout, and return the number of its workload and its figures."""
    command = [sys.executable, str(tree / SMALL)]
    try:
        done = subprocess.run(
            command, cwd=tree, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise BenchmarkFailed(f"{SMALL} took longer than {TIMEOUT_S} s") from None
    if done.returncode:
        raise BenchmarkFailed(f"{SMALL} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    try:
        found = json.loads(done.stdout)
        figures = {name: Sample(**figure) for name, figure in found["figures"].items()}
        return int(found["workload"]), figures
    except (AttributeError, KeyError, TypeError, ValueError):
        raise BenchmarkFailed(f"{SMALL} printed no figures: {done.stdout[:300]}") from None


def compare_trees(base: Path, head: Path, rounds: int = ROUNDS) -> list[Comparison]:
    """Run both sides in turn; if HEAD seems slower, as often again. Empty if not comparable."""
    runs: dict[Path, list[Run]] = {base: [], head: []}
    compared: list[Comparison] = []
    for _ in range(2):
        for number in range(rounds):
            for tree in (base, head) if number % 2 == 0 else (head, base):
                workload, figures = run_small(tree)
                runs[tree].append(figures)
                if tree == base:
                    of_base = workload
                else:
                    of_head = workload
            if of_base != of_head:
                return []
        compared = compare_runs(runs[base], runs[head])
        if not any(each.problem for each in compared):
            break
    return compared


def main(commits: Sequence[str]) -> int:
    """Compare two commits, print a line for each figure, and return the exit code."""
    if len(commits) != 2:
        print("compare: name two commits -> benchmarks/compare.py BASE HEAD", file=sys.stderr)
        return 2
    for commit in commits:
        words = [
            "git",
            "-C",
            str(REPOSITORY),
            "rev-parse",
            "--verify",
            "-q",
            f"{commit}^{{commit}}",
        ]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            hint = "name a commit of this clone; a shallow clone lacks the older ones"
            print(f"compare: `{commit}` is no commit here -> {hint}", file=sys.stderr)
            return 2
    try:
        with check_out(commits[0]) as base, check_out(commits[1]) as head:
            without = [
                name
                for name, tree in zip(commits, (base, head), strict=True)
                if not (tree / SMALL).exists()
            ]
            if without:
                print(f"not compared: {without[0]} has no {SMALL}")
                return 0
            compared = compare_trees(base, head)
    except BenchmarkFailed as error:
        print(f"compare: {error} -> free the disk, or run {SMALL} by itself", file=sys.stderr)
        return 3
    if not compared:
        print("not compared: the two commits measure different work (WORKLOAD)")
        return 0
    for each in compared:
        print(f"{each.line}: {f'SLOWER, {each.problem}' if each.problem else 'not slower'}")
    return 1 if any(each.problem for each in compared) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
