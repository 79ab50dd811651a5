"""The mode of the processor's floating point unit, and how small numbers are computed."""

from __future__ import annotations

import ctypes
import platform
import struct

import numpy as np
import torch

SMALL = {torch.float32: "1e-40", torch.float64: "1e-310"}
"""Numbers with fewer digits than others of their type: IEEE 754 calls them subnormal."""

LONG = 1 << 20
"""Values that torch divides among its threads."""

PLAIN_SSE, PLAIN_X87 = 0x1F80, 0x037F
"""The control words that a program starts with (System V ABI for x86-64, section 3.2.1)."""

FLAGS = 0x3F
"""Bits that only tell what has happened so far."""


def describe_changes() -> str:
    """Return how numbers are computed otherwise than IEEE 754 says; empty if they are not."""
    found = describe_mode()
    for dtype, text in SMALL.items():
        name, value = str(dtype).removeprefix("torch."), float(text)
        if not bool((torch.full((LONG,), value, dtype=dtype) * 0.5 > 0).all()):
            found.append(f"torch takes {text} of {name} for 0")
        if not (np.full(8, value, name) * np.array(0.5, name) > 0).all():
            found.append(f"NumPy takes {text} of {name} for 0")
    return "; ".join(found)


def describe_mode() -> list[str]:
    """Return how the processor differs from the start of a program."""
    mathematics, found = ctypes.CDLL("libm.so.6"), list[str]()
    if mode := mathematics.fegetround():
        found.append(f"the rounding mode is {mode}")
    state = ctypes.create_string_buffer(256)
    if platform.machine() == "x86_64" and mathematics.fegetenv(state) == 0:
        # fenv_t of glibc: seven words of the x87 unit, then MXCSR
        (x87,), (sse,) = struct.unpack_from("<H", state, 0), struct.unpack_from("<I", state, 28)
        if (x87, sse & ~FLAGS) != (PLAIN_X87, PLAIN_SSE):
            found.append(
                f"the control words of the processor are {x87:#06x} and {sse & ~FLAGS:#06x}"
            )
    return found
