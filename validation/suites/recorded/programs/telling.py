"""Tell results of programs so that every part of them counts."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

DOUBLE = 8
LINE = 30
"""A summary looks at so many parts of a list."""


def attempt(called: Callable[..., Any], *values: Any, **options: Any) -> Any:
    """Return what a call gives, or the name of the error that refuses it."""
    try:
        return called(*values, **options)
    except Exception as error:
        return f"!{type(error).__name__}"


def split_rows(rows: list[Any]) -> list[Any]:
    """Return a long list as a list of short ones, which a summary sees whole."""
    return [rows[place : place + LINE] for place in range(0, len(rows), LINE)]


def tell_bytes(value: bytes | bytearray) -> str:
    """Return the length and the checksum of some bytes."""
    return f"{len(value)}:{zlib.crc32(value):08x}"


def tell_pixels(picture: Any) -> Any:
    """Return mode, size, palette and the checksum of all pixels of a picture."""
    if isinstance(picture, str) or picture is None or not hasattr(picture, "getbands"):
        return picture
    palette = picture.palette.mode if picture.mode in ("P", "PA") and picture.palette else ""
    colours = tell_bytes(bytes(picture.getpalette() or [])) if palette else ""
    return f"{picture.mode}{picture.size}{palette}{colours}{tell_bytes(picture.tobytes())}"


def tell_names(values: Mapping[Any, Any]) -> str:
    """Return what a dictionary holds, by name; bytes by their checksum."""
    rows = []
    for name, value in values.items():
        text = tell_bytes(value) if isinstance(value, bytes | bytearray) else str(value)
        rows.append(f"{name}={text}")
    return ";".join(sorted(rows))


def tell_exactly(value: Any) -> Any:
    """Return an array, or several, as a text: type, shape, order in memory, and each value.

    Numbers have few digits, for processors round differently.
    """
    if isinstance(value, tuple | list) and any(isinstance(each, np.ndarray) for each in value):
        return [tell_exactly(each) for each in value]
    if isinstance(value, float | complex | np.inexact):
        return f"{type(value).__name__}{tell_digits(np.asarray(value))}"
    if not isinstance(value, np.ndarray):
        return value
    order = "C" * value.flags.c_contiguous + "F" * value.flags.f_contiguous
    text = tell_digits(value) if value.dtype.kind in "fc" else value.tolist()
    return f"{value.dtype.str}{value.shape}{order}{text}"


def tell_digits(value: Any) -> str:
    """Return the first digits of numbers; what is tiny beside the others is nothing."""
    digits = 4 if value.dtype.itemsize >= DOUBLE else 2
    numbers = np.stack([np.real(value), np.imag(value)]).astype("f8").ravel()
    finite = np.abs(numbers[np.isfinite(numbers)])
    least = 1e-5 * max(1.0, float(finite.max()) if finite.size else 0.0)
    numbers = np.where(np.abs(numbers) < least, 0.0, numbers)
    # The factor moves numbers like 0.5 away from where they would be rounded either way.
    return " ".join(f"{each * 1.000731:.{digits}g}" for each in numbers.tolist())


def tell_tensor(value: Any) -> Any:
    """Return a tensor of bytes by its type, shape and checksum, and anything else as it is."""
    if not isinstance(value, torch.Tensor) or value.dtype != torch.uint8:
        return value
    return (
        f"{type(value).__name__}{[*value.shape]}{tell_bytes(value.contiguous().numpy().tobytes())}"
    )


def tell_call(called: Callable[..., Any], *values: Any, **options: Any) -> Any:
    """Return the bytes that a call gives as a text."""
    return tell_tensor(attempt(called, *values, **options))
