"""A small, even training on one CPU core, to test the regression gate without a GPU.

A step takes less than a millisecond, and a turn of the scheduler takes several. So the median step
is one that nothing interrupted, even if other programs use the core.
"""

from __future__ import annotations

import torch
from pytorch_cuda_images_suites.conftest import Figures
from pytorch_cuda_images_suites.throughput import measure, workloads
from pytorch_cuda_images_suites.throughput.measure import MeasurementPlan
from pytorch_cuda_images_suites.throughput.workloads import MeasuredTask

PLAN = MeasurementPlan(
    window_steps=100,
    window_s=0.3,
    windows=2,
    agree=0.1,
    most_windows=40,
    most_s=20,
    limit_s=60,
    steps=1000,
    measured_s=3,
)
WIDE, BATCH = 128, 64


def test_training(figure: Figures) -> None:
    torch.set_num_threads(1)  # two threads wait for each other whenever one is interrupted
    task = _task()
    pace = measure.measure_pace(workloads.build_training(task, "cpu", amp=False).step, PLAN)
    figure("samples_per_s", task.batch_size / pace.step_s, "samples/s")
    figure("spread", 100 * pace.spread, "%")
    figure("steps", pace.steps, "steps")


def _task() -> MeasuredTask:
    torch.manual_seed(0)
    layers = [layer for _ in range(2) for layer in (torch.nn.Linear(WIDE, WIDE), torch.nn.ReLU())]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(WIDE, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    return MeasuredTask(
        model, torch.randn(BATCH, WIDE), torch.randint(10, (BATCH,)), optimizer, "samples"
    )
