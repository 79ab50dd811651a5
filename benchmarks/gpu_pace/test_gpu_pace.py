"""BERT-base training in fp32 on a GPU, warmed up and measured for a few seconds only.

It is the short form of the throughput suite for the regression gate: two dozen runs of it are a
matter of minutes. In fp32 a step takes longest, so it depends least on how fast the CPU starts
kernels; and unlike ResNet-50 it has no convolution, whose algorithms cuDNN would try anew in every
run (docs/gpu.md).
"""

from __future__ import annotations

from pytorch_cuda_images_suites.conftest import Figures
from pytorch_cuda_images_suites.contract.expected import Expected
from pytorch_cuda_images_suites.throughput import measure, workloads
from pytorch_cuda_images_suites.throughput.measure import MeasurementPlan

ON_GPU = MeasurementPlan(
    window_steps=2,
    window_s=0.3,
    windows=3,
    agree=0.02,
    most_windows=20,
    most_s=15,
    limit_s=30,
    steps=10,
    measured_s=1.5,
)


def test_training(expected: Expected, figure: Figures) -> None:
    task = workloads.build_bert_base(expected.device)
    step = workloads.build_training(task, expected.device, amp=False).step
    pace = measure.measure_pace(step, ON_GPU if expected.device == "cuda" else measure.CPU)
    figure("sequences_per_s", task.batch_size / pace.step_s, "sequences/s")
    figure("spread", 100 * pace.spread, "%")
    figure("steps", pace.steps, "steps")
