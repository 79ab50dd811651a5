"""Throughput of ResNet-50 and a BERT-base encoder.

The figures are recorded; the work behind them must be real.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from ..conftest import Answers, Figures
from ..contract import questions
from ..contract.expected import Expected
from ..declared import may_not_run, needs_gpus, reports
from ..gpus import require_gpus
from ..outcome import not_run, require
from ..training import copy_parameters, require_fall, require_trained
from . import gpu_limits, measure, workloads
from .workloads import MeasuredTask

OFF = {"fp32": 0.01, "amp": 0.02}
"""How far one sample's output may be from its row of a batch, relative to the largest output.

Kernels differ with the batch. TF32 and float16 keep 11 bits, bfloat16 8. A model that normalises
over the batch is off by more than 0.1.
"""

APART = 0.05
"""The least difference of the first and the last sample's outputs, relative to the largest."""

NO_BF16 = "this CPU has no bfloat16 instructions, so AMP would measure their emulation"


def _figures_of_unit(unit: str) -> tuple[pytest.MarkDecorator, ...]:
    """Return the marks of the figures that name the unit of a batch."""
    return reports(f"{unit}_per_s", f"{unit}/s"), reports("batch", unit)


WORKLOADS = pytest.mark.parametrize(
    "workload",
    (
        pytest.param(workloads.build_resnet50, id="resnet50", marks=_figures_of_unit("images")),
        pytest.param(
            workloads.build_bert_base, id="bert_base", marks=_figures_of_unit("sequences")
        ),
    ),
)
PRECISIONS = pytest.mark.parametrize(
    "precision", ("fp32", pytest.param("amp", marks=may_not_run(NO_BF16, "cpu")))
)


@reports("spread", "%")
@reports("steps", "steps")
@reports("warmup", "steps")
@reports("peak_memory", "MB")
@PRECISIONS
@WORKLOADS
def test_training(
    workload: Callable[[str], MeasuredTask], precision: str, expected: Expected, figure: Figures
) -> None:
    task = _build_task(workload, precision, expected)
    training = workloads.build_training(task, expected.device, amp=precision == "amp")
    before = copy_parameters(_parameters_on_host(task))
    _measure_step(training.step, task, expected, figure)
    losses = [float(loss) for loss in training.losses]
    require_trained(before, _parameters_on_host(task), losses)
    require_fall(losses, 1.0)


@reports("spread", "%")
@reports("steps", "steps")
@reports("warmup", "steps")
@reports("peak_memory", "MB")
@PRECISIONS
@WORKLOADS
def test_inference(
    workload: Callable[[str], MeasuredTask], precision: str, expected: Expected, figure: Figures
) -> None:
    task = _build_task(workload, precision, expected)
    answer = workloads.build_inference(task, expected.device, amp=precision == "amp")
    _require_real_outputs(answer(task.inputs), answer(task.inputs[:1]), OFF[precision])
    _measure_step(lambda: answer(task.inputs), task, expected, figure)


@needs_gpus(1)
@reports("copy", "GB/s")
@reports("fp32", "TFLOP/s")
@reports("tf32", "TFLOP/s")
@reports("fp16", "TFLOP/s")
@reports("bf16", "TFLOP/s")
def test_gpu_limits(expected: Expected, figure: Figures) -> None:
    """The GPU's own speed: matrix products in each precision, and copies of its memory."""
    require_gpus(expected)
    figure("copy", gpu_limits.measure_copies() / 1e9, "GB/s")
    for precision in gpu_limits.PRECISIONS:
        figure(precision, gpu_limits.measure_products(precision) / 1e12, "TFLOP/s")


def test_challenge(nonce: str, expected: Expected, answer: Answers) -> None:
    """A matrix product in each precision that is measured, exact in all of them."""
    for name, amp in (("fp32", False), ("amp", True)):
        question = questions.draw_product(nonce, name, questions.NARROW, limit=1)
        left = torch.tensor(question.left, dtype=torch.float32, device=expected.device).reshape(
            -1, question.inner
        )
        right = torch.tensor(question.right, dtype=torch.float32, device=expected.device).reshape(
            question.inner, -1
        )
        with workloads.autocast_context(expected.device, amp=amp):
            answer(f"matmul {name}", torch.mm(left, right).flatten().tolist())


def _build_task(
    workload: Callable[[str], MeasuredTask], precision: str, expected: Expected
) -> MeasuredTask:
    if (
        precision == "amp"
        and expected.device == "cpu"
        and not measure.has_bf16(measure.CPUINFO.read_text())
    ):
        not_run(NO_BF16)
    gc.collect()  # what the last check held is in cycles, and would count as this one's memory
    if expected.device == "cuda":
        torch.cuda.empty_cache()
    return workload(expected.device)


def _measure_step(
    step: Callable[[], object], task: MeasuredTask, expected: Expected, figure: Figures
) -> None:
    """Record the figures of `step`.

    Memory is that of the device: on a GPU what torch allocated, else that of the process.
    """
    on_gpu = expected.device == "cuda"
    (torch.cuda.reset_peak_memory_stats if on_gpu else measure.reset_peak_rss)()
    pace = measure.measure_pace(step, measure.GPU if on_gpu else measure.CPU)
    peak = (torch.cuda.max_memory_allocated if on_gpu else measure.peak_rss)()
    figure(f"{task.unit}_per_s", task.batch_size / pace.step_s, f"{task.unit}/s")
    figure("spread", 100 * pace.spread, "%")
    figure("batch", task.batch_size, task.unit)
    figure("steps", pace.steps, "steps")
    figure("warmup", pace.warmup, "steps")
    figure("peak_memory", peak / 1e6, "MB")
    _require_memory(peak, task)


def _require_memory(peak: int, task: MeasuredTask) -> None:
    weights = sum(parameter.nbytes for parameter in task.model.parameters())
    require(
        peak > weights,
        f"{peak / 1e6:.0f} MB of the device's memory were used at most",
        f"more than the weights' {weights / 1e6:.0f} MB",
        "the work was done on another device than the one that is measured",
    )


def _require_real_outputs(batch: Any, alone: Any, off: float) -> None:
    """Fail the check unless the outputs are finite and differ between samples.

    One sample alone must give the same as in the batch.
    """
    largest = float(batch.abs().max())
    require(
        math.isfinite(largest) and largest > 0,
        f"the largest output is {largest}",
        "finite outputs that are not all zero",
        "a kernel that gives NaN or nothing, or a model whose values overflow",
    )
    apart = float((batch[0] - batch[-1]).abs().max()) / largest
    require(
        apart > APART,
        f"outputs of two samples differ by {100 * apart:.1f} % of the largest",
        f"more than {100 * APART:.0f} %",
        "a model whose outputs do not depend on its inputs",
    )
    differ = float((batch[:1] - alone).abs().max()) / largest
    require(
        differ < off,
        f"one sample alone and in the batch differ by {100 * differ:.1f} % of the largest output",
        f"less than {100 * off:.0f} %",
        "a model that is not in eval mode, or kernels that mix the samples of a batch",
    )


def _parameters_on_host(task: MeasuredTask) -> Any:
    """Yield its parameters in the machine's memory.

    Copies on the GPU would count as the training's own memory.
    """
    return (parameter.cpu() for parameter in task.model.parameters())
