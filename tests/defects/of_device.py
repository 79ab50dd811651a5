"""Defects that the device suite must catch."""

from __future__ import annotations

from tests.defects.defect import Defect, patched, told

DEFECTS = (
    Defect(
        "CPU-only torch in a CUDA image",
        "device",
        (("torch_is_a_cuda_build", "built for CUDA None"),),
        patched("cpu_only_torch"),
        representative=True,
    ),
    Defect("matmul off by 1e-2", "device", (("kernels_on_the_cpu", "matmul on cpu is off by"),), patched("matmul_off")),
    Defect(
        "convolution as imprecise as TF32",
        "device",
        (("kernels_on_the_cpu", "conv2d on cpu is off by 1"),),
        patched("convolution_off"),
    ),
    Defect(
        "no GPU passed to the container",
        "device",
        (("every_gpu_is_detected", "torch sees 0 GPUs, the machine has 2"), ("kernels_on_every_gpu", "NVIDIA")),
        told(device="cuda", gpu_count=2),
        representative=True,
    ),
)
