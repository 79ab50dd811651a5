"""ResNet-50 training in fp32 on a GPU, warmed up and measured for a few seconds only.

It is the short form of the throughput suite for the regression gate: two dozen runs of it are a
matter of minutes. In fp32 a step takes longest, so that it depends least on how fast the CPU starts
kernels.
"""

from __future__ import annotations

from pytorch_cuda_images_suites.conftest import Figures
from pytorch_cuda_images_suites.contract.expected import Expected
from pytorch_cuda_images_suites.throughput import measure, workloads
from pytorch_cuda_images_suites.throughput.measure import MeasurementPlan

ON_GPU = MeasurementPlan(
    window_steps=5,
    window_s=0.4,
    windows=3,
    agree=0.02,
    most_windows=20,
    most_s=15,
    limit_s=30,
    steps=20,
    measured_s=1.5,
)


def test_training(expected: Expected, figure: Figures) -> None:
    task = workloads.build_resnet50(expected.device)
    step = workloads.build_training(task, expected.device, amp=False).step
    pace = measure.measure_pace(step, ON_GPU if expected.device == "cuda" else measure.CPU)
    figure("images_per_s", task.batch_size / pace.step_s, "images/s")
    figure("spread", 100 * pace.spread, "%")
    figure("steps", pace.steps, "steps")
