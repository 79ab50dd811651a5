"""Every GPU is detected and computes correctly; torch is the CUDA build the tag asserts."""

from __future__ import annotations

import torch

from validation.suites import numerics
from validation.suites.conftest import Figures
from validation.suites.expected import Expected
from validation.suites.gpus import require_gpus, usable_gpus


def test_torch_is_a_cuda_build(expected: Expected) -> None:
    """A CPU-only torch passes every test that falls back to the CPU."""
    found = torch.version.cuda
    assert found == expected.cuda, f"torch was built for CUDA {found}, the tag says {expected.cuda}"
    assert torch.backends.cuda.is_built(), "torch names a CUDA version and has no CUDA code: a CPU-only build"


def test_kernels_on_the_cpu(figure: Figures) -> None:
    _check_kernels("cpu", figure)


def test_every_gpu_is_detected(expected: Expected, figure: Figures) -> None:
    require_gpus(expected)
    count, said = usable_gpus()
    figure("gpus", count, "GPUs")
    assert count == expected.gpu_count, f"torch sees {count} GPUs, the machine has {expected.gpu_count}: {said}"


def test_kernels_on_every_gpu(expected: Expected, figure: Figures) -> None:
    """A kernel missing for an architecture shows only when it runs there."""
    require_gpus(expected)
    for index in range(expected.gpu_count):
        _check_kernels(f"cuda:{index}", figure)


def _check_kernels(device: str, figure: Figures) -> None:
    for kernel, error in (("matmul", numerics.matmul_error(device)), ("conv2d", numerics.convolution_error(device))):
        figure(f"{kernel}_error {device}", error, "relative")
        assert error <= numerics.FP32_LIMIT, (
            f"{kernel} on {device} is off by {error:.1e} of the largest value (limit {numerics.FP32_LIMIT:.0e}): "
            "a wrong kernel, or less precision than fp32"
        )
