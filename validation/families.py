"""The families of NVIDIA GPUs, by the compute capability that the driver tells.

Source: NVIDIA's table of compute capabilities (CUDA C++ Programming Guide, "Compute Capabilities").
A capability is a fact of the chip, so a model that nobody listed here has its family too.
"""

from __future__ import annotations

_BY_CAPABILITY = {(7, 5): "Turing", (8, 9): "Ada"}
_BY_MAJOR = {
    7: "Volta",
    8: "Ampere",
    9: "Hopper",
    10: "Blackwell",
    11: "Blackwell",
    12: "Blackwell",
}


def find_family(capability: tuple[int, int]) -> str:
    """Return the family of a compute capability: (8, 9) is `Ada`; empty if it is not known."""
    return _BY_CAPABILITY.get(capability) or _BY_MAJOR.get(capability[0], "")
