"""Play what users write, and tell results so that every part of them counts."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

DOUBLE = 8


def attempt(called: Callable[..., Any], *values: Any, **options: Any) -> Any:
    """Return what a call gives, or the name of the error that refuses it."""
    try:
        return called(*values, **options)
    except Exception as error:  # what is refused is a result, too
        return f"!{type(error).__name__}"


def fill_lines(lines: str, **words: str) -> str:
    """Return lines once for each choice of words in the places of their names."""
    filled = []
    for chosen in itertools.product(*(each.split() for each in words.values())):
        text = lines
        for place, word in zip(words, chosen, strict=True):
            text = text.replace(place, word)
        filled.append(text)
    return "\n".join(filled)


def play_lines(lines: str, **names: Any) -> list[Any]:
    """Return what each line of Python gives, or the name of its error."""
    played = [compile(line, line, "eval") for line in lines.splitlines() if line]
    return [attempt(eval, line, names) for line in played]  # all lines are our own


def tell_bytes(value: bytes | bytearray) -> str:
    """Return the length and the checksum of some bytes."""
    return f"{len(value)}:{zlib.crc32(value):08x}"


def tell_pixels(picture: Any) -> Any:
    """Return mode, size, palette and the checksum of all pixels of a picture."""
    if not hasattr(picture, "getbands"):
        return picture
    palette = picture.palette.mode if picture.mode in ("P", "PA") and picture.palette else ""
    colours = tell_bytes(bytes(picture.getpalette() or [])) if palette else ""
    return f"{picture.mode}{picture.size}{palette}{colours}{tell_bytes(picture.tobytes())}"


def tell_tensor(tensor: Any) -> Any:
    """Return a tensor with what a copy of it may lose."""
    if not isinstance(tensor, torch.Tensor):
        return tensor
    results = [type(tensor).__name__, str(tensor.dtype), tensor.requires_grad, tensor.is_leaf]
    strided = tensor.layout == torch.strided
    strides = tensor.stride() if strided else str(tensor.layout)
    plain = tensor.detach() if strided else tensor.detach().to_dense()
    return [*results, strides, plain, tensor.grad if tensor.is_leaf else None]


def tell_exactly(value: Any) -> Any:
    """Return arrays as texts, also those in containers: type, shape, order in memory, each value.

    So one of a thousand results counts, which is small in a sum. Numbers have few digits, for
    processors round differently.
    """
    if isinstance(value, Mapping):
        return {key: tell_exactly(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [tell_exactly(each) for each in value]
    if value is np.ma.masked or isinstance(value, np.void):
        return str(value)
    if isinstance(value, np.ma.MaskedArray):
        parts = (value.filled(), np.ma.getmaskarray(value), value.fill_value, value.hardmask)
        return [*map(tell_exactly, parts)]
    if isinstance(value, float | complex | np.inexact):
        return f"{type(value).__name__}{tell_digits(np.asarray(value))}"
    return tell_array(value) if isinstance(value, np.ndarray) else value


def tell_array(value: Any) -> str:
    """Return type, shape, order in memory and all values of an array."""
    order = "C" * value.flags.c_contiguous + "F" * value.flags.f_contiguous
    text = tell_digits(value) if value.dtype.kind in "fc" else value.tolist()
    return f"{type(value).__name__}{value.dtype}{value.shape}{order}{text}"


def tell_digits(value: Any) -> str:
    """Return the first digits of numbers; what is tiny beside the others is nothing."""
    digits = 4 if value.dtype.itemsize >= DOUBLE else 2
    numbers = np.stack([np.real(value), np.imag(value)]).astype("f8").ravel()
    finite = np.abs(numbers[np.isfinite(numbers)])
    least = 1e-5 * max(1.0, float(finite.max()) if finite.size else 0.0)
    numbers = np.where(np.abs(numbers) < least, 0.0, numbers)
    # The factor moves numbers like 0.5 away from where they would be rounded either way.
    return " ".join(f"{each * 1.000731:.{digits}g}" for each in numbers.tolist())


def scale_pixels(value: Any) -> Any:
    """Return pictures as numbers up to one, or they would hide all others in a sum."""
    if hasattr(value, "getbands"):
        return [value.mode, np.asarray(value) / 255]
    if isinstance(value, torch.Tensor) and value.dtype == torch.uint8:
        return [type(value).__name__, value.as_subclass(torch.Tensor).double() / 255]
    is_picture = isinstance(value, np.ndarray) and value.dtype == np.uint8
    return value / 255 if is_picture else value


def tell_parts(found: Any) -> Any:
    """Return all parts of a result so that each counts: boxes and points beside pictures."""
    if not isinstance(found, dict):
        return scale_pixels(found)
    small = ("bboxes", "keypoints", "labels")
    return {
        name: tell_exactly(each) if name in small else scale_pixels(each)
        for name, each in found.items()
    }
