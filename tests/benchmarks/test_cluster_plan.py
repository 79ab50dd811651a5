"""The simulation of a cluster: its makespans are right, and its jobs are those of the planner."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import cluster_plan
from benchmarks.cluster_plan import Makespan
from images import catalog
from validation.suite import SUITES, list_suites


@pytest.mark.parametrize(
    ("seconds", "nodes", "makespan"),
    [
        ([3, 2, 2], 1, Makespan(7, 7)),
        ([3, 3, 2, 2, 2], 2, Makespan(7, 6)),
        ([9, 1, 1], 2, Makespan(9, 9)),
        ([1, 1], 8, Makespan(1, 1)),
    ],
)
def test_a_free_node_takes_the_next_job(
    seconds: list[float], nodes: int, makespan: Makespan
) -> None:
    assert cluster_plan.simulate(seconds, nodes) == makespan


def test_every_suite_of_every_image_and_model_is_a_job(tmp_path: Path) -> None:
    times = {("", suite.name): 2.0 for suite in SUITES}
    groups = cluster_plan.GROUPINGS["a suite is a job"]
    jobs = cluster_plan.plan_line("2.6", groups, times, tmp_path)
    stacks = [catalog.load_catalog().stacks_of(image) for image in cluster_plan.IMAGES]
    wanted = sum(len(list_suites(each)) for each in stacks)
    assert len(jobs) == wanted * len(cluster_plan.MODELS)
    assert {job.planned_s for job in jobs} == {2.0}
