"""Defects that the device suite must catch."""

from __future__ import annotations

import base64
from dataclasses import replace

from runner.verdict import Verdict
from tests.defects import stand_in
from tests.defects.defect import Defect, Plant, both, patched, told, with_environment, with_layer
from validation.executors.interface import Setup

LIBRARIES = "/usr/lib/x86_64-linux-gnu"
COMPAT = "/usr/local/cuda/compat"
PRECISIONS = ("fp32", "bf16", "fp16")
ON_GPUS = (
    "every_gpu_is_detected",
    "every_gpu_has_code_in_the_build",
    *(f"kernels_on_every_gpu[{precision}]" for precision in PRECISIONS),
    "fp32_products_keep_fp32",
    "memory_of_every_gpu",
    "challenge",
)
TORCHVISION_FOR_OLD_GPUS = (
    "RUN python -c \"import re, torchvision; path = torchvision.__path__[0] + '/_C.so'; "
    "code = open(path, 'rb').read(); "
    # Machine code for sm_80 to sm_90 becomes sm_75's, and PTX, which would run on any later GPU,
    # machine code.
    r"code = re.sub(rb'(?s)(\x02\0\x01\x01.{24})[\x50\x56\x5a](?=\0\0\0)', lambda old: old[1] + b'\x4b', code); "  # noqa: E501 - one line of what another program reads
    r"code = re.sub(rb'(?s)\x01(\0\x01\x01.{24}\x32\0\0\0)', lambda old: b'\x02' + old[1], code); "
    "open(path, 'wb').write(code)\""
)


def _on_gpus(says: str) -> tuple[tuple[str, str], ...]:
    """Every check that needs GPUs refuses with these words."""
    return tuple((check, says) for check in ON_GPUS)


def _from_the_host(name: str, content: bytes) -> Plant:
    """A library of the driver, mounted as the container toolkit does."""
    return lambda clean: _mounted(clean, name, content)


def _mounted(clean: Setup, name: str, content: bytes) -> Setup:
    return replace(
        clean, mounts=(*clean.mounts, (stand_in.file_of(content), f"{LIBRARIES}/{name}"))
    )


def _compat_package(error: int) -> Plant:
    """A compat package in the image, first for the loader, which refuses with `error`."""
    encoded = base64.b64encode(stand_in.cuda_driver(error)).decode()
    written = f"RUN mkdir -p {COMPAT} && echo {encoded} | base64 -d > {COMPAT}/libcuda.so.550.54.15"
    linked = f"RUN ln -s libcuda.so.550.54.15 {COMPAT}/libcuda.so.1"
    return with_layer(written, linked, f"ENV LD_LIBRARY_PATH={COMPAT}")


DEFECTS = (
    Defect(
        "CPU-only torch in a CUDA image",
        "device",
        (("torch_is_a_cuda_build", "built for CUDA None"),),
        patched("cpu_only_torch"),
        representative=True,
    ),
    Defect(
        "torch built for fewer GPUs",
        "device",
        (
            (
                "build_is_for_the_architectures_of_the_line",
                "built for sm_50 sm_60 sm_70, expected sm_50 sm_60 sm_70 sm_75",
            ),
        ),
        patched("built_for_fewer_gpus"),
    ),
    Defect(
        "torchvision built for fewer GPUs than torch",
        "device",
        (
            (
                "every_library_has_code_for_the_architectures",
                "6 of 6 fat binaries of _C.so do not run on sm_80",
            ),
        ),
        with_layer(TORCHVISION_FOR_OLD_GPUS),
    ),
    Defect(
        "matmul off by 1e-2",
        "device",
        tuple(
            (f"kernels_on_the_cpu[{precision}]", f"matmul in {precision} on cpu is off by 1.")
            for precision in ("fp64", *PRECISIONS)
        ),
        patched("matmul_off"),
    ),
    Defect(
        "convolution as imprecise as TF32",
        "device",
        tuple(
            (f"kernels_on_the_cpu[{precision}]", f"conv2d in {precision} on cpu is off by 1.0e-03")
            for precision in ("fp64", "fp32")
        ),
        patched("convolution_off"),
    ),
    Defect(
        "half precision that adds in half precision",
        "device",
        tuple(
            (f"kernels_on_the_cpu[{precision}]", f"matmul in {precision} on cpu")
            for precision in ("bf16", "fp16")
        ),
        patched("adds_in_half_precision"),
    ),
    Defect(
        "no GPU passed to the container",
        "device",
        (
            *_on_gpus(
                "is_available() is False and the driver says `Found no NVIDIA driver on your "
                "system`"
            ),
            ("every_gpu_is_detected", "expected 2 each"),
            *_on_gpus("no GPU was passed to the container"),
        ),
        told(device="cuda", gpu_count=2),
        representative=True,
    ),
    Defect(
        "TF32 for all products",
        "device",
        (("fp32_products_keep_fp32", "fp32 products are made in `high`, expected `highest`"),),
        with_environment(TORCH_ALLOW_TF32_CUBLAS_OVERRIDE="1"),
    ),
    Defect(
        "stale CUDA_VISIBLE_DEVICES",
        "device",
        (
            *_on_gpus("is_available() is False and the driver says `No CUDA GPUs are available`"),
            ("no_setting_hides_gpus", "the environment has CUDA_VISIBLE_DEVICES=7"),
        ),
        both(
            with_environment(CUDA_VISIBLE_DEVICES="7"),
            told(device="cuda", gpu_count=2),
            _from_the_host("libnvidia-ml.so.1", stand_in.nvml(2)),
            _from_the_host("libcuda.so.1", stand_in.cuda_driver(100)),
        ),
    ),
    Defect(
        "compat package in the image, no GPU to see it",
        "device",
        (("no_driver_library_in_the_image", f"the image has {COMPAT}/libcuda.so.550.54.15"),),
        _compat_package(804),
        representative=True,
    ),
    Defect(
        "compat package not usable with the GPU (error 804)",
        "device",
        (
            ("no_driver_library_in_the_image", f"the image has {COMPAT}/libcuda.so.550.54.15"),
            *_on_gpus(
                "is_available() is False and the driver says 804 (forward compatibility was "
                "attempted"
            ),
            *_on_gpus("the compat package is not usable with this GPU"),
        ),
        both(
            _compat_package(804),
            told(device="cuda", gpu_count=1),
            _from_the_host("libnvidia-ml.so.1", stand_in.nvml(1)),
        ),
    ),
    Defect(
        "GPU newer than the build",
        "device",
        (
            (
                "every_gpu_has_code_in_the_build",
                "GPU 0 (stand-in) has compute capability 12.0, expected one that code",
            ),
            *((check, "Found no NVIDIA driver on your system") for check in ON_GPUS[2:]),
        ),
        both(
            patched("gpu_too_new"),
            told(device="cuda", gpu_count=1),
            _from_the_host("libnvidia-ml.so.1", stand_in.nvml(1)),
        ),
    ),
    Defect(
        "driver updated without a reboot (error 803)",
        "device",
        _on_gpus(
            "is_available() is False and the driver says 803 (system has unsupported display driver"
        ),
        both(
            told(device="cuda", gpu_count=1),
            _from_the_host("libcuda.so.1", stand_in.cuda_driver(803)),
        ),
        verdict=Verdict.INFRA,
    ),
)
