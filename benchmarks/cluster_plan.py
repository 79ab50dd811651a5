#!/usr/bin/env python3
"""Simulate the validation of all lines on clusters of 1 to 64 nodes a GPU model.

The jobs and their order are those of the planner itself (`publish.cluster_jobs`). Only the cluster
is simulated: a free node takes the next job, as Slurm does with jobs of one priority. Each job
takes its measured seconds, times a random factor, because an estimate is never exact.

    .venv/bin/python benchmarks/cluster_plan.py OUT

OUT is the folder of the records of a release (`out`); the seconds of each suite are read from it. A
suite that was not run there counts with the mean of the others. Nothing is validated. It takes
about a minute.
"""

from __future__ import annotations

import argparse
import heapq
import random
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from images import catalog, plan
from oci.registry import Registry
from publish import cluster_jobs
from publish.cluster_jobs import ClusterJob, SuiteTimes
from publish.pipeline import ReleaseRun, StageOptions
from validation.cluster import Cluster, GpuModel
from validation.suite import SUITES

MODELS = ("a100", "h100", "h200", "l4", "v100")
IMAGES = (
    *("base", "cv", "nlp", "rl", "cli", "jupyter", "serving", "devel", "ssh"),
    *("cv-nlp", "cv-rl", "nlp-rl"),
)
MINUTES = 240
"""The limit of a job; no suite here lacks an estimate, so nothing is planned by it."""
NODES = (1, 2, 4, 8, 16, 32, 64)
Groups = Mapping[str, tuple[str, ...]]
GROUPINGS: Mapping[str, Groups] = {
    "an image is a job": {},
    "two jobs an image": {"speed": ("throughput", "workloads")},
    "a suite is a job": {suite.name: (suite.name,) for suite in SUITES},
}
SPREAD = 0.2
"""The standard deviation of the logarithm of a job's time about its estimate."""
GOAL = 1.15
SEED = 1


@dataclass(frozen=True)
class Makespan:
    """Seconds until the last job has ended, and the least that is possible.

    The least is the longest job, or all jobs spread evenly, whichever is longer.
    """

    seconds: float
    ideal: float

    @property
    def ratio(self) -> float:
        """How many times as long as the least."""
        return self.seconds / self.ideal


def read_mean_times(out: Path) -> SuiteTimes:
    """Return the seconds of every suite on a CPU; a suite without a record has the mean."""
    measured = cluster_jobs.read_suite_times(out)
    own = {name: seconds for (gpu, name), seconds in measured.items() if not gpu}
    if not own:
        raise SystemExit(f"{out} has no record of a validation: run `./release.py validate` first")
    mean = statistics.mean(own.values())
    return {("", suite.name): own.get(suite.name, mean) for suite in SUITES}


def plan_line(line: str, groups: Groups, times: SuiteTimes, out: Path) -> list[ClusterJob]:
    """Return the jobs of all images of a line on all models, in the order of the planner."""
    catalogue = catalog.load_catalog()
    version = catalogue.require_version(f"v{line}.0")
    planned = plan.make_plan(catalogue, version, IMAGES, out)
    nowhere = Registry("127.0.0.1:9")  # a plan asks it nothing
    run = ReleaseRun(catalogue, version, planned, nowhere, out, StageOptions(), "")
    cluster = Cluster({name: GpuModel("cpu", MINUTES) for name in MODELS}, groups=groups)
    return [*cluster_jobs.plan_jobs(run, cluster, MODELS, dict.fromkeys(IMAGES), times)]


def simulate(seconds: Sequence[float], nodes: int) -> Makespan:
    """Return how long jobs take on some nodes, if a free node takes the next one."""
    free = [0.0] * nodes
    for each in seconds:
        heapq.heappush(free, heapq.heappop(free) + each)
    return Makespan(max(free), max(*seconds, sum(seconds) / nodes))


def measure(order: Sequence[ClusterJob], nodes: int) -> Makespan:
    """Return the makespan of jobs that take about their estimates, on nodes of one model."""
    drawn = random.Random(SEED)  # noqa: S311 - a simulation
    seconds = [job.planned_s * drawn.lognormvariate(0.0, SPREAD) for job in order]
    return simulate(seconds, nodes)


def list_rows(out: Path) -> Iterator[str]:
    """Yield a row of Markdown for each grouping and number of nodes.

    Nodes of two models never share a job, so models are simulated alone, and the longest counts.
    """
    lines, times = [*catalog.load_catalog().lines], read_mean_times(out)
    for title, groups in GROUPINGS.items():
        jobs = [job for line in lines for job in plan_line(line, groups, times, out)]
        longest_first = sorted(jobs, key=lambda job: -job.planned_s)
        by_name = sorted(jobs, key=lambda job: job.title)
        for nodes in NODES:
            spans = [
                max(
                    (
                        measure([job for job in order if job.model_name == model], nodes)
                        for model in MODELS
                    ),
                    key=lambda span: span.seconds,
                )
                for order in (longest_first, by_name)
            ]
            cells = [title, len(jobs) // len(MODELS), nodes, f"{spans[0].seconds / 60:.1f}"]
            ratios = [f"{span.ratio:.2f}" for span in spans]
            yield "| " + " | ".join(map(str, [*cells, *ratios])) + " |"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the folder of records, for example out")
    out = parser.parse_args().out
    print("| jobs | of a model | nodes of a model | minutes | to the ideal | by name |")
    print("|---" * 6 + "|")
    for row in list_rows(out):
        print(row, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
