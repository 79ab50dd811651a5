"""How fast a GPU multiplies matrices and copies memory, measured with the libraries of the image.

It is recorded beside what ResNet-50 and BERT-base reach, and no verdict depends on it.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Iterator
from typing import Any

import torch

from . import measure

SIDE = 8192
"""Rows and columns of the square matrices: enough work to keep every unit of a large GPU busy."""

COPIED_BYTES = 1 << 30
"""Far more than any cache of a GPU holds."""

WARMUP_S, MEASURED_S = 0.5, 0.5
STEPS = 10
"""At least so many steps are measured, and for so long. Nothing is judged by them yet, so they need
no steady pace.
"""

PRECISIONS = {
    "fp32": (torch.float32, False),
    "tf32": (torch.float32, True),
    "fp16": (torch.float16, False),
    "bf16": (torch.bfloat16, False),
}
"""The type of the matrices, and whether products of float32 may be made in TF32."""


def measure_products(precision: str) -> float:
    """Return the floating-point operations per second of a product of square matrices.

    `precision` is a name of PRECISIONS. The numbers are random: zeros take less power, and so are
    multiplied faster.
    """
    dtype, tf32 = PRECISIONS[precision]
    left, right = (torch.randn(SIDE, SIDE, device="cuda").to(dtype) for _ in range(2))
    product = torch.empty_like(left)
    with _allow_tf32(tf32):
        pace = _measure(lambda: torch.mm(left, right, out=product))
    return 2 * SIDE**3 / pace


def measure_copies() -> float:
    """Return the bytes per second that the GPU reads and writes when it copies its memory."""
    source = torch.ones(COPIED_BYTES, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * COPIED_BYTES / _measure(lambda: target.copy_(source))


def _measure(work: Callable[[], Any]) -> float:
    """Return the seconds of the median call of `work`, once the GPU has finished it."""

    def step() -> None:
        work()
        torch.cuda.synchronize()

    measure.time_steps(step, 1, WARMUP_S)
    return statistics.median(measure.time_steps(step, STEPS, MEASURED_S))


@contextlib.contextmanager
def _allow_tf32(allowed: bool) -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
