"""What torch makes of the machine's GPUs."""

from __future__ import annotations

import warnings

import torch

from validation.suites.expected import Expected
from validation.suites.outcome import not_run

NO_GPU = "the suites ran without a GPU"


def require_gpus(expected: Expected, count: int = 1, else_reason: str = NO_GPU) -> None:
    """`not run` where the run was planned with fewer than `count` GPUs; `cpu` means none."""
    if expected.device != "cuda":
        not_run(NO_GPU)
    if expected.gpu_count < count:
        not_run(else_reason)


def usable_gpus() -> tuple[int, str]:
    """How many GPUs torch can use, and what the driver warned about (errors 803 and 804 come only as a warning)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    said = " ".join(str(warning.message).splitlines()[0] for warning in caught)
    return count, said or "torch gave no reason"
