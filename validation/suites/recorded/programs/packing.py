"""Put all that a program found into one text and one row of numbers, however deep and long it is.

A summary leaves out what is deep or late; the text has whole numbers and words exactly, the row
has the others.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Set
from typing import Any

import numpy as np
import torch

MAX_DEPTH = 9
ORDINARY = (torch.float16, torch.float32, torch.float64)
CLOCKS = ("t", "_t")
"""How environments name the seconds that an episode took, which no two runs share."""

ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def tell(call: Any) -> Any:
    """Return what a call gives, or the name of its error."""
    try:
        return call()
    except Exception as error:  # what is refused is a result, too
        return f"!{type(error).__name__}"


def pack(*values: Any) -> tuple[str, Any]:
    """Return the text and the numbers of values."""
    texts: list[str] = []
    numbers: list[Any] = [np.zeros(1)]
    for value in values:
        add_value(value, texts, numbers, 0)
    return ";".join(texts), np.concatenate(numbers)


def add_value(value: Any, texts: list[str], numbers: list[Any], depth: int) -> None:
    """Add the text and the numbers of a value, and of all that it holds."""
    if isinstance(value, torch.Tensor):
        texts.append(f"{value.dtype}{value.requires_grad:d}")
        value = value.detach().to_dense() if value.is_sparse else value.detach()
        odd = value.is_floating_point() and value.dtype not in ORDINARY
        value = (value.float() if odd else value).numpy()
    if isinstance(value, np.ndarray | np.generic | float):
        add_array(np.asarray(value), texts, numbers)
    elif isinstance(value, Mapping) and depth < MAX_DEPTH:
        texts.append(f"{type(value).__name__}{len(value)}")
        for key, each in value.items():
            if key in CLOCKS:
                continue
            texts.append(str(key))
            add_value(each, texts, numbers, depth + 1)
    elif isinstance(value, list | tuple) and depth < MAX_DEPTH:
        texts.append(f"{type(value).__name__}{len(value)}")
        for each in value:
            add_value(each, texts, numbers, depth + 1)
    elif isinstance(value, Set):
        texts.append(str(sorted(map(str, value))))
    elif value is None or isinstance(value, bool | int | str | bytes | enum.Enum | type):
        texts.append(ADDRESS.sub("", repr(value)))
    else:
        texts.append(type(value).__name__)


def add_array(value: Any, texts: list[str], numbers: list[Any]) -> None:
    """Add an array: what is no whole number goes into the row."""
    texts.append(f"{value.dtype.str}{[*value.shape]}")
    if value.dtype.kind in "fc":
        flat = np.ravel(value).astype(np.complex128)
        finite = np.isfinite(flat)
        texts += [] if finite.all() else [str(flat[~finite].real)]
        numbers.append(np.where(finite, flat, 0).real)
        numbers.append(np.where(finite, flat, 0).imag[: flat.size * (value.dtype.kind == "c")])
    else:
        for each in value.ravel().tolist():
            texts.append(ADDRESS.sub("", str(each)))
