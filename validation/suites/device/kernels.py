"""Matrix products and convolutions in every precision against NumPy, and a GPU's memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..numerics import FP32_LIMIT, SIZE, relative_error

TYPES = {
    "fp64": torch.float64,
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
ROUNDING = {"fp64": 2.0**-53, "fp32": 2.0**-24, "tf32": 2.0**-11, "bf16": 2.0**-8, "fp16": 2.0**-11}
"""Half a unit in the last place: the largest relative error of one rounding to 53, 24, 11, 8 and 11
bits.
"""

_ROUNDINGS = {
    "fp64": FP32_LIMIT / ROUNDING["fp32"],
    "fp32": FP32_LIMIT / ROUNDING["fp32"],
    "tf32": 4,
    "bf16": 2,
    "fp16": 2,
}
"""How many roundings the error of a kernel may have.

fp64 and fp32 add in their own precision, and round at every product (see FP32_LIMIT). The others
add in fp32. TF32 rounds both inputs, at worst by cutting them, which counts as two roundings each.
bf16 and fp16 round the result only, because their inputs are exact.
"""

BLOCK = 1 << 23
"""int64 values, 64 MiB: small beside the tenth of a GPU's memory that is left free."""


@dataclass(frozen=True)
class KernelError:
    """How far a kernel is off, and how far it may be, relative to the largest reference value."""

    kernel: str
    found: float
    limit: float


def measure_errors(device: str, precision: str) -> Iterator[KernelError]:
    """Yield the errors of a 512 x 512 matrix product and of a 3 x 3 convolution on `device`.

    The convolution has 8 images and 16 to 32 channels. The reference is computed from the inputs as
    rounded to `precision`; `tf32` has fp32 inputs. Convolutions in half precision may round twice
    as often: cuDNN has algorithms that transform before they multiply.
    """
    once = ROUNDING[precision] * _ROUNDINGS[precision]
    kind = TYPES[precision.replace("tf", "fp")]
    with _set_tf32(precision == "tf32"):
        left, right = _draw_normal(kind, SIZE, SIZE, seed=1), _draw_normal(kind, SIZE, SIZE, seed=2)
        got = torch.matmul(left.to(device), right.to(device))
        yield KernelError("matmul", relative_error(got, _to_double(left) @ _to_double(right)), once)
        images, weights = (
            _draw_normal(kind, 8, 16, 32, 32, seed=3),
            _draw_normal(kind, 32, 16, 3, 3, seed=4),
        )
        windows = np.lib.stride_tricks.sliding_window_view(_to_double(images), (3, 3), axis=(2, 3))
        reference = np.einsum("nchwij,ocij->nohw", windows, _to_double(weights), optimize=True)
        got = torch.nn.functional.conv2d(images.to(device), weights.to(device))
        yield KernelError(
            "conv2d", relative_error(got, reference), 2 * once if kind.itemsize == 2 else once
        )


def measure_default_error(device: str) -> float:
    """Return the error of an fp32 matrix product on `device` with the settings as they are."""
    left, right = (_draw_normal(TYPES["fp32"], SIZE, SIZE, seed=seed) for seed in (1, 2))
    got = torch.matmul(left.to(device), right.to(device))
    return relative_error(got, _to_double(left) @ _to_double(right))


@contextlib.contextmanager
def _set_tf32(allowed: bool) -> Iterator[None]:
    """Switch TF32 on or off for a block; half precision adds in fp32 all the way."""
    matmul = torch.backends.cuda.matmul
    names = (
        "allow_tf32",
        "allow_fp16_reduced_precision_reduction",
        "allow_bf16_reduced_precision_reduction",
    )
    before = {name: getattr(matmul, name) for name in names}
    try:
        for name in names:
            setattr(matmul, name, allowed and name == "allow_tf32")
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=allowed):
            yield
    finally:
        for name, value in before.items():
            setattr(matmul, name, value)


def _draw_normal(kind: Any, *shape: int, seed: int) -> Any:
    """Return random numbers drawn in fp64, so that every precision is used to its last bit."""
    return torch.randn(
        shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    ).to(kind)


def _to_double(tensor: Any) -> Any:
    return tensor.double().numpy()


def fill_memory(device: str, wanted: int) -> tuple[int, int]:
    """Allocate `wanted` bytes of `device` in blocks, write all of them, then read them back.

    Returns the bytes that could be allocated, and how many blocks held something else than was
    written.
    """
    pattern = torch.arange(BLOCK, device=device)
    blocks: list[Any] = []
    with contextlib.suppress(torch.OutOfMemoryError):
        while len(blocks) * pattern.nbytes < wanted:
            blocks.append(pattern + len(blocks))
    had = len(blocks) * pattern.nbytes
    if had < wanted:
        return had, 0
    return had, sum(not torch.equal(block, pattern + number) for number, block in enumerate(blocks))
