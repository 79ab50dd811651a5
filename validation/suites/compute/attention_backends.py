"""Every backend of scaled dot product attention against NumPy in float64."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..numerics import FP32_LIMIT, relative_error

SHAPE = (2, 2, 128, 64)
"""Batch, heads, length, width of a head."""

LIMITS = {torch.float32: FP32_LIMIT, torch.float16: 4 * 2**-11, torch.bfloat16: 4 * 2**-8}
"""Largest error allowed, relative to the largest reference value.

The inputs are rounded before the reference is made. Scores, weights, output and the values kept
between blocks are rounded by at most one unit roundoff each.
"""


@dataclass(frozen=True)
class AttentionCase:
    """One backend in one precision, with or without the causal mask."""

    backend: Any
    dtype: Any
    causal: bool

    def __str__(self) -> str:
        causal = ", causal" if self.causal else ""
        return f"{self.backend.name} attention in {str(self.dtype).removeprefix('torch.')}{causal}"


def iter_cases(device: str) -> Iterator[AttentionCase]:
    """Yield the cases that must work on `device`.

    The flash kernels need half precision and Ampere on a GPU, and neither on a CPU.
    """
    half = (torch.float16, torch.bfloat16)
    for backend, dtypes in {
        SDPBackend.MATH: (torch.float32, *half),
        SDPBackend.FLASH_ATTENTION: half if device == "cuda" else (torch.float32, *half),
        SDPBackend.EFFICIENT_ATTENTION: (torch.float32, torch.float16),
        SDPBackend.CUDNN_ATTENTION: half,
    }.items():
        for dtype in dtypes:
            yield from (
                AttentionCase(backend, dtype, causal)
                for causal in (False, True)
                if _is_supported(backend, dtype, device)
            )


def measure_error(case: AttentionCase, device: str) -> float:
    """Return the largest relative error of a case; the backend itself raises if it cannot run."""
    query, key, value = (tensor.to(case.dtype) for tensor in _draw_inputs())
    with sdpa_kernel([case.backend]):
        got = torch.nn.functional.scaled_dot_product_attention(
            query.to(device), key.to(device), value.to(device), is_causal=case.causal
        )
    query, key, value = (tensor.double().numpy() for tensor in (query, key, value))
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(SHAPE[-1])
    if case.causal:
        scores = np.where(np.tri(SHAPE[-2], dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return relative_error(got, weights / weights.sum(axis=-1, keepdims=True) @ value)


def _is_supported(backend: Any, dtype: Any, device: str) -> bool:
    if device != "cuda":
        return backend in (SDPBackend.MATH, SDPBackend.FLASH_ATTENTION)
    ampere = torch.cuda.get_device_capability() >= (8, 0)
    if backend is SDPBackend.CUDNN_ATTENTION:
        query, key, value = (tensor.to("cuda", dtype) for tensor in _draw_inputs())
        parameters = torch.backends.cuda.SDPAParams(query, key, value, None, 0.0, False, False)
        # cuDNN supports some GPUs and sizes only, and torch knows which
        return ampere and bool(torch.backends.cuda.can_use_cudnn_attention(parameters))
    return ampere or (backend is not SDPBackend.FLASH_ATTENTION and dtype is not torch.bfloat16)


def _draw_inputs() -> Any:
    return torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(12))
