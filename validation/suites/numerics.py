"""Kernels against NumPy in float64, which shares no code with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

SIZE = 512
FP32_LIMIT = 1e-5
"""Largest error allowed, relative to the largest reference value.

An fp32 sum of 512 products typically rounds within sqrt(512) * 2**-24 = 1.3e-6, at worst within 512
* 2**-24 = 3.1e-5. TF32 would be off by about 1e-3.
"""

VECTOR_LIMIT = 1e-4
"""Largest entry allowed of the difference of U'U from the identity, U the singular vectors in fp32.

torch's default on a GPU is cuSOLVER's Jacobi method: of 30 random matrices of 96 x 64 the worst was
off by 3.8e-5 on an H200 (`benchmarks/svd_errors.py`, docs/gpu.md). TF32 would be off by 1e-3.
"""

Deviation = tuple[str, float, float]
"""What was computed, its error, and the largest error allowed; both relative."""

STRIDE = 2
GROUPS = 2


def strided_convolution_errors(device: str) -> Iterator[Deviation]:
    """Yield the relative errors of a 3 x 3 convolution in two groups and of both its gradients.

    The stride is 2, the padding 1.
    """
    images, kernels = _draw_normal(4, 8, 17, 15, seed=5), _draw_normal(12, 4, 3, 3, seed=6)
    inputs = [tensor.detach().to(device).requires_grad_() for tensor in (images, kernels)]
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        got = torch.nn.functional.conv2d(*inputs, stride=STRIDE, padding=1, groups=GROUPS)
        slopes = _draw_normal(*got.shape, seed=7)
        by_images, by_kernels = torch.autograd.grad(got, inputs, slopes.to(device))
    reference = _StridedConvolution(_to_double(images), _to_double(kernels), _to_double(slopes))
    yield "conv2d", relative_error(got, reference.compute_output()), FP32_LIMIT
    yield (
        "conv2d's gradient by its input",
        relative_error(by_images, reference.gradient_by_images()),
        FP32_LIMIT,
    )
    yield (
        "conv2d's gradient by its weights",
        relative_error(by_kernels, reference.gradient_by_kernels()),
        FP32_LIMIT,
    )


class _StridedConvolution:
    """The same convolution in float64, with the groups (g) as an axis of their own.

    The letters of the sums: n images, c channels in, o channels out, h and w places, i and j places
    of the kernel.
    """

    def __init__(self, images: Any, kernels: Any, slopes: Any) -> None:
        self._shape = images.shape
        self._kernels = kernels.reshape(GROUPS, -1, *kernels.shape[1:])
        self._slopes = slopes.reshape(len(slopes), GROUPS, -1, *slopes.shape[2:])
        self._padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(self._padded, (3, 3), axis=(2, 3))[
            :, :, ::STRIDE, ::STRIDE
        ]
        self._windows = windows.reshape(len(images), GROUPS, -1, *windows.shape[2:])

    def compute_output(self) -> Any:
        """Return the output of the convolution."""
        got = np.einsum("ngchwij,gocij->ngohw", self._windows, self._kernels, optimize=True)
        return got.reshape(len(got), -1, *got.shape[3:])

    def gradient_by_kernels(self) -> Any:
        """Return the gradient by the weights."""
        got = np.einsum("ngchwij,ngohw->gocij", self._windows, self._slopes, optimize=True)
        return got.reshape(-1, *got.shape[2:])

    def gradient_by_images(self) -> Any:
        """Return the gradient by the input.

        Each place of the kernel adds the slopes to the inputs it was applied to.
        """
        got = np.zeros(self._padded.shape).reshape(
            len(self._padded), GROUPS, -1, *self._padded.shape[2:]
        )
        height, width = (STRIDE * length for length in self._slopes.shape[-2:])
        for i, j in np.ndindex(3, 3):
            part = np.einsum("ngohw,goc->ngchw", self._slopes, self._kernels[..., i, j])
            got[..., i : i + height : STRIDE, j : j + width : STRIDE] += part
        return got.reshape(self._padded.shape)[:, :, 1:-1, 1:-1]


def svd_errors(device: str) -> Iterator[Deviation]:
    """Yield relative errors of the fp32 singular value decomposition (SVD).

    The matrices are one of 96 x 64 and 16 small ones. Singular values are compared with LAPACK's in
    float64. The vectors are not unique, so their product and their orthogonality are tested.
    """
    for name, shape in (("a matrix", (96, 64)), ("a batch of matrices", (16, 12, 8))):
        matrix = _draw_normal(*shape, seed=8)
        left, values, right = (
            _to_double(got.cpu())
            for got in torch.linalg.svd(matrix.to(device), full_matrices=False)
        )
        wanted = np.linalg.svd(_to_double(matrix), compute_uv=False)
        yield f"the singular values of {name}", _relative_difference(values, wanted), FP32_LIMIT
        yield (
            f"the product of the SVD of {name}",
            _relative_difference(left * values[..., None, :] @ right, _to_double(matrix)),
            FP32_LIMIT,
        )
        one = np.broadcast_to(np.eye(shape[-1]), (*shape[:-2], shape[-1], shape[-1]))
        yield (
            f"the left singular vectors of {name}",
            _relative_difference(np.swapaxes(left, -1, -2) @ left, one),
            VECTOR_LIMIT,
        )


def fft_errors(device: str) -> Iterator[Deviation]:
    """Yield relative errors of fp32 Fourier transforms of even, prime and two-dimensional sizes.

    A transform and its inverse are tested too.
    """
    for size in (1024, 1000, 509):
        signal = _draw_normal(8, size, seed=9)
        got = torch.fft.rfft(signal.to(device))
        yield (
            f"rfft of {size} values",
            _relative_difference(got.cpu().numpy(), np.fft.rfft(_to_double(signal))),
            FP32_LIMIT,
        )
        yield (
            f"rfft and back of {size} values",
            relative_error(torch.fft.irfft(got, n=size), _to_double(signal)),
            FP32_LIMIT,
        )
    picture = _draw_normal(4, 48, 60, seed=10)
    got = torch.fft.fft2(picture.to(device))
    yield (
        "fft2 of 48 x 60 values",
        _relative_difference(got.cpu().numpy(), np.fft.fft2(_to_double(picture))),
        FP32_LIMIT,
    )


def find_inexact_operations(device: str) -> Iterator[str]:
    """Yield the operations on 100 003 whole numbers that are not exact.

    They are sorts, selections, running sums and scattered sums.
    """
    numbers = np.random.default_rng(11).integers(0, 5000, 100_003)
    there = torch.from_numpy(numbers).to(device)
    ones = torch.ones(
        len(numbers), device=device
    )  # fp32 counts exactly up to 2**24, in whatever order it adds
    counts = np.bincount(numbers, minlength=5000)
    order = np.argsort(numbers, kind="stable")
    pairs = (
        ("sort", torch.sort(there, stable=True).indices, order),
        ("topk", torch.topk(there, 100).values, np.sort(numbers)[::-1][:100]),
        ("gather", there.gather(0, torch.from_numpy(order).to(device)), numbers[order]),
        ("cumsum", torch.cumsum(there, dim=0), np.cumsum(numbers)),
        ("index_add", torch.zeros(5000, device=device).index_add(0, there, ones), counts),
        ("scatter_add", torch.zeros(5000, device=device).scatter_add(0, there, ones), counts),
        ("unique", torch.unique(there, return_counts=True)[1], counts[counts > 0]),
        (
            "searchsorted",
            torch.searchsorted(torch.sort(there).values, there),
            np.searchsorted(numbers[order], numbers),
        ),
    )
    return (name for name, got, wanted in pairs if not np.array_equal(got.cpu().numpy(), wanted))


def relative_error(got: Any, reference: Any) -> float:
    """Return the largest difference from a float64 array, relative to the array's largest value.

    NaN counts as infinity.
    """
    return _relative_difference(_to_double(got.detach().cpu()), reference)


def _draw_normal(*shape: int, seed: int) -> Any:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _to_double(tensor: Any) -> Any:
    return tensor.double().numpy()


def _relative_difference(got: Any, reference: Any) -> float:
    if got.shape != reference.shape:
        return float("inf")
    error = float(np.abs(got - reference).max() / np.abs(reference).max())
    return error if error == error else float("inf")  # noqa: PLR0124 - NaN is not itself
