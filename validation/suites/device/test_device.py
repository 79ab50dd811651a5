"""Every GPU is detected, has code in the build and computes correctly.

torch is the CUDA build that the tag asserts.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import torch

from .. import driver
from ..conftest import Answers, Figures
from ..contract import questions
from ..contract.expected import Expected
from ..declared import needs_gpus, reports
from ..gpus import (
    capability_of,
    count_usable_gpus,
    fail_with_cause,
    require_every_gpu,
    require_gpus,
    runs_on,
)
from ..numerics import FP32_LIMIT
from ..outcome import require
from . import architectures, kernels

WITH_GPU_CODE = ("torch", "torchvision", "torchaudio")
SHARE = 0.9
TF32_BEGINS = (8, 0)
HELD_S = 2.5
"""How long the challenge holds memory on every GPU: the host looks several times a second."""

TF32 = (
    reports("matmul_error tf32 cuda:{gpu}", "relative", required=False),
    reports("conv2d_error tf32 cuda:{gpu}", "relative", required=False),
)


def test_torch_is_a_cuda_build(expected: Expected) -> None:
    """A CPU-only torch passes every test that falls back to the CPU."""
    found = torch.version.cuda
    cause = "a CPU-only wheel of torch was installed, or one of another CUDA"
    require(
        found == expected.cuda,
        f"torch was built for CUDA {found}",
        f"CUDA {expected.cuda}, as the tag says",
        cause,
    )
    require(
        torch.backends.cuda.is_built(),
        "torch names a CUDA version and has no CUDA code",
        "CUDA code",
        cause,
    )


def test_build_is_for_the_architectures_of_the_line(expected: Expected) -> None:
    """A build for fewer works on the GPUs here, and on none of the others."""
    asserted = " ".join(expected.architectures)
    found = _architectures_of_torch()
    require(
        found == asserted,
        f"torch was built for {found or 'no GPU'}",
        asserted,
        "a torch that is not the line's wheel",
    )


@reports("fat_binaries", "fat binaries")
def test_every_library_has_code_for_the_architectures(expected: Expected, figure: Figures) -> None:
    """Every fat binary has code for the architectures that torch names.

    That holds for torch and for the packages built on it. The wheels themselves lack some of it:
    the line says what, and that alone may be missing.
    """
    packages = Path(torch.__file__).parent.parent
    paths = [path for name in WITH_GPU_CODE for path in sorted((packages / name).rglob("*.so"))]
    libraries = {path: architectures.read_fat_binaries(path) for path in paths}
    figure("fat_binaries", sum(map(len, libraries.values())), "fat binaries")
    require(
        any(libraries.values()), "no library has GPU code", "some", "CPU-only wheels were installed"
    )
    for path, binaries in libraries.items():
        missing = [name for library, name in expected.without_code if library == path.name]
        for name in [name for name in _architectures_of_torch().split() if name not in missing]:
            without = sum(not runs_on(capability_of(name), carried) for carried in binaries)
            require(
                not without,
                f"{without} of {len(binaries)} fat binaries of {path.name} do not run on {name}",
                "code for what torch was built for",
                f"{path.parent.name} was compiled for fewer GPUs than torch",
            )


def test_no_driver_library_in_the_image() -> None:
    """The driver brings libcuda; the image must not have another one.

    One that the loader finds first leads to error 803 or 804, or to no GPU at all.
    """
    found = driver.libraries_of_the_image()
    require(
        not found,
        f"the image has {', '.join(map(str, found))}",
        f"no {driver.LIBRARY}: the driver's is mounted",
        "a compat or stubs package of CUDA was installed, and shadows the driver's library",
    )


def test_no_setting_hides_gpus() -> None:
    """A CUDA_VISIBLE_DEVICES that was right on the machine where the image was made."""
    hiding = {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES")}
    if os.environ.get("NVIDIA_VISIBLE_DEVICES", "all") in ("", "none", "void"):
        hiding["NVIDIA_VISIBLE_DEVICES"] = os.environ["NVIDIA_VISIBLE_DEVICES"]
    found = [f"{name}={value}" for name, value in hiding.items() if value is not None]
    require(
        not found,
        f"the environment has {', '.join(found)}",
        "every GPU to be seen",
        "a stale setting in the image",
    )


@reports("matmul_error {precision} cpu", "relative")
@reports("conv2d_error {precision} cpu", "relative")
@pytest.mark.parametrize("precision", ["fp64", "fp32", "bf16", "fp16"])
def test_kernels_on_the_cpu(precision: str, figure: Figures) -> None:
    _require_exact("cpu", precision, figure)


@needs_gpus(1)
@reports("gpus", "GPUs")
def test_every_gpu_is_detected(expected: Expected, figure: Figures) -> None:
    """By the driver (NVML), by torch, and as many as the run was planned with."""
    require_gpus(expected)
    (by_nvml, why), (by_torch, state) = driver.count_nvml_gpus(), count_usable_gpus()
    figure("gpus", by_torch, "GPUs")
    if not by_nvml == by_torch == expected.gpu_count:
        counted = f"NVML counts {by_nvml}{f' ({why})' if why else ''} and torch {by_torch} GPUs"
        fail_with_cause(f"{counted}, {state}", f"{expected.gpu_count} each", state)


@needs_gpus(1)
def test_every_gpu_has_code_in_the_build(expected: Expected) -> None:
    require_every_gpu(expected)
    built_for = torch.cuda.get_arch_list()
    for index in range(expected.gpu_count):
        capability = torch.cuda.get_device_capability(index)
        require(
            runs_on(capability, built_for),
            (
                f"GPU {index} ({torch.cuda.get_device_name(index)}) has compute capability "
                f"{capability[0]}.{capability[1]}"
            ),
            f"one that code for {' '.join(built_for)} runs on",
            "the GPU is older than this torch supports, or newer",
        )


@needs_gpus(1)
@reports("matmul_error {precision} cuda:{gpu}", "relative")
@reports("conv2d_error {precision} cuda:{gpu}", "relative")
@pytest.mark.parametrize("precision", [pytest.param("fp32", marks=TF32), "bf16", "fp16"])
def test_kernels_on_every_gpu(precision: str, expected: Expected, figure: Figures) -> None:
    """A kernel that is missing for an architecture is seen only when it runs there.

    TF32, if the GPU has it, is tested with fp32.
    """
    require_every_gpu(expected)
    for index in range(expected.gpu_count):
        _require_exact(f"cuda:{index}", precision, figure)
        if precision == "fp32" and torch.cuda.get_device_capability(index) >= TF32_BEGINS:
            _require_exact(f"cuda:{index}", "tf32", figure, above=FP32_LIMIT)


@reports("matmul_error cuda:{gpu}", "relative", device="cuda")
def test_fp32_products_keep_fp32(expected: Expected, figure: Figures) -> None:
    """Products of fp32 matrices are made in fp32, unless a training asks for less.

    A setting in the image that allows TF32 for all would cost every training 13 of 24 bits.
    """
    if expected.gpu_count:
        require_every_gpu(expected)
    precision = torch.get_float32_matmul_precision()
    cause = "a setting such as TORCH_ALLOW_TF32_CUBLAS_OVERRIDE allows TF32 without being asked"
    require(precision == "highest", f"fp32 products are made in `{precision}`", "`highest`", cause)
    for device in [f"cuda:{index}" for index in range(expected.gpu_count)]:
        error = kernels.measure_default_error(device)
        figure(f"matmul_error {device}", error, "relative")
        found = f"an fp32 product on {device} is off by {error:.1e} of the largest value"
        require(error <= FP32_LIMIT, found, f"at most {FP32_LIMIT:.0e}", cause)


@needs_gpus(1)
@reports("memory cuda:{gpu}", "bytes")
def test_memory_of_every_gpu(expected: Expected, figure: Figures) -> None:
    """Nine tenths of the free memory can be allocated, and hold what is written."""
    require_every_gpu(expected)
    for index in range(expected.gpu_count):
        wanted = int(SHARE * torch.cuda.mem_get_info(index)[0])
        had, wrong = kernels.fill_memory(f"cuda:{index}", wanted)
        torch.cuda.empty_cache()
        figure(f"memory cuda:{index}", had, "bytes")
        least = f"{wanted / 1e9:.2f} GB, nine tenths of what was free"
        cause = "another process took the GPU's memory meanwhile, or its memory is failing"
        require(
            had >= wanted, f"{had / 1e9:.2f} GB of GPU {index} could be allocated", least, cause
        )
        require(
            not wrong, f"{wrong} blocks of GPU {index} read otherwise than written", "none", cause
        )


def test_challenge(nonce: str, expected: Expected, answer: Answers) -> None:
    """A matrix product on the CPU and on every GPU.

    On the GPUs memory is held for a while, so that the host sees it.
    """
    if expected.gpu_count:
        require_every_gpu(expected)
    devices = ["cpu", *(f"cuda:{index}" for index in range(expected.gpu_count))]
    held = [torch.empty(kernels.BLOCK, device=device) for device in devices[1:]]
    for device in devices:
        question = questions.draw_product(nonce, device)
        left = torch.tensor(question.left, dtype=torch.float32, device=device).reshape(
            -1, question.inner
        )
        right = torch.tensor(question.right, dtype=torch.float32, device=device).reshape(
            question.inner, -1
        )
        answer(f"matmul {device}", torch.mm(left, right).flatten().tolist())
    if held:
        time.sleep(HELD_S)


def _require_exact(device: str, precision: str, figure: Figures, above: float = 0.0) -> None:
    """Fail the check unless each kernel is within its limit.

    A matrix product in less precision must be off by `above` at least, or that precision was not
    used.
    """
    for error in kernels.measure_errors(device, precision):
        figure(f"{error.kernel}_error {precision} {device}", error.found, "relative")
        found = (
            f"{error.kernel} in {precision} on {device} is off by {error.found:.1e} of the "
            "largest value"
        )
        require(
            error.found <= error.limit,
            found,
            f"at most {error.limit:.1e}",
            f"a wrong kernel, or less precision than {precision}",
        )
        require(
            error.kernel != "matmul" or error.found >= above,
            found,
            f"at least {above:.0e}, as {precision} has",
            (
                f"{precision} is not used where it is allowed: a setting such as "
                "NVIDIA_TF32_OVERRIDE forbids it"
            ),
        )


def _architectures_of_torch() -> str:
    """Return the architectures torch was built for; `torch.cuda.get_arch_list()` needs a GPU."""
    return str(getattr(torch._C, "_cuda_getArchFlags", str)())
