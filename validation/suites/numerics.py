"""Kernels whose result is known another way: NumPy in float64, which shares no code with what is checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

SIZE = 512
FP32_LIMIT = 1e-5
"""Largest error allowed, relative to the largest reference value. An fp32 sum of 512 products rounds within
sqrt(512) * 2**-24 = 1.3e-6 typically and 512 * 2**-24 = 3.1e-5 at the very worst; TF32 would be off by about 1e-3."""


def matmul_error(device: str) -> float:
    """fp32 matrix product of two 512 x 512 matrices on `device`: largest relative error."""
    left, right = _normal(SIZE, SIZE, seed=1), _normal(SIZE, SIZE, seed=2)
    got = torch.matmul(left.to(device), right.to(device))
    return _relative_error(got, _double(left) @ _double(right))


def convolution_error(device: str) -> float:
    """fp32 3 x 3 convolution of 8 images, 16 to 32 channels, on `device`: largest relative error."""
    images, kernels = _normal(8, 16, 32, 32, seed=3), _normal(32, 16, 3, 3, seed=4)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        got = torch.nn.functional.conv2d(images.to(device), kernels.to(device))
    windows = np.lib.stride_tricks.sliding_window_view(_double(images), (3, 3), axis=(2, 3))
    return _relative_error(got, np.einsum("nchwij,ocij->nohw", windows, _double(kernels), optimize=True))


def _normal(*shape: int, seed: int) -> Any:  # noqa: ANN401 - torch is not in the harness' own environment
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _double(tensor: Any) -> Any:  # noqa: ANN401
    return tensor.numpy().astype(np.float64)


def _relative_error(got: Any, reference: Any) -> float:  # noqa: ANN401
    error = np.abs(_double(got.cpu()) - reference)
    return float(error.max() / np.abs(reference).max())
