"""Training throughput of ResNet-50 and a BERT-base encoder. The figures are recorded; training must really happen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from validation.suites import measure, workloads
from validation.suites.conftest import Figures
from validation.suites.expected import Expected
from validation.suites.gpus import require_gpus
from validation.suites.workloads import Workload

WORKLOADS = (workloads.resnet50, workloads.bert_base)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.__name__)
@pytest.mark.parametrize("amp", [False, True], ids=["fp32", "amp"])
def test_training(workload: Callable[..., Workload], amp: bool, expected: Expected, figure: Figures) -> None:
    if amp:
        require_gpus(expected)
    on_gpu = expected.device == "cuda"
    made = workload(expected.device, amp=amp)
    found = measure.throughput(made, measure.GPU if on_gpu else measure.CPU)
    figure(f"{made.unit}_per_s", found.per_s, f"{made.unit}/s")
    figure("spread", 100 * found.spread, "%")
    figure("batch", made.batch, made.unit)
    figure("steps", found.steps, "steps")
    if on_gpu:
        peak = torch.cuda.max_memory_allocated()
        figure("peak_memory", peak / 1e6, "MB")
        assert peak > 0, "no GPU memory was used: the training ran on the CPU"
