"""Errors that stop CUDA from using any GPU, and their likely causes."""

from __future__ import annotations

NOT_PASSED = (
    "no GPU was passed to the container, or a setting such as CUDA_VISIBLE_DEVICES hides it"
)
CAUSES = {
    802: (
        "the machine joins its GPUs by NVSwitch and its fabric manager is not running: start "
        "nvidia-fabricmanager"
    ),
    803: "libcuda and the kernel's driver are of different versions: reboot after a driver update",
    804: (
        "the compat package is not usable with this GPU: forward compatibility is for data "
        "centre GPUs only"
    ),
}
"""The likely cause by CUDA's error number."""

OF_THE_RUNNER = frozenset({802, 803})
"""Errors of the machine, unless the image has a libcuda of its own."""
