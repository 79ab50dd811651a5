"""Summarise what a call gives in one short text, and compare two of them.

A summary is `TEXT SUM SIZE`. TEXT names types, shapes and small values; a long one is a checksum.
SUM adds all numbers with different weights, SIZE adds their sizes; large numbers are compressed, so
that they hide no small ones. So two processors may round differently, but another value, another
order and another shape are all seen.
"""

from __future__ import annotations

import enum
import re
import sys
import types
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

TIMES = range(1_600_000_000, 4_000_000_000)
"""Seconds since 1970: a time of the clock, which no two runs share."""

MAX_TEXT = 20
MAX_ITEMS = 2000
MAX_DEPTH = 9
OBJECT_DEPTH = 2
"""So many levels is an object: most of what it holds is its own business."""

NAMED = (types.ModuleType, torch.dtype, torch.device, torch.layout, torch.memory_format, np.dtype)
ADDRESS = re.compile(r"\b0x[0-9a-f]{4,}\b")


@dataclass
class _Collected:
    """The texts and the numbers of one result, in order."""

    texts: list[str] = field(default_factory=list)
    total: float = 0.0
    size: float = 0.0
    count: int = 0
    seen: dict[int, Any] = field(default_factory=dict)

    def add_numbers(self, numbers: Any) -> None:
        """Add an array of numbers; the ones that are not finite are told by their count."""
        flat = np.asarray(numbers, dtype=np.float64).ravel()
        finite = np.isfinite(flat)
        if not finite.all():
            signs = (np.isnan(flat).sum(), (flat == np.inf).sum(), (flat == -np.inf).sum())
            self.texts.append(f"!{signs[0]},{signs[1]},{signs[2]}")
            flat = np.where(finite, flat, 0.0)
        flat = np.arcsinh(flat)
        # Weights from 0.5 to 1.5 that don't repeat, so that an order is seen.
        places = np.arange(self.count, self.count + flat.size)
        weights = 0.5 + (places * 0.6180339887) % 1.0
        self.total += float((weights * flat).sum())
        self.size += float(np.abs(flat).sum())
        self.count += flat.size


def summarise(result: Any) -> str:
    """Return the summary of what a call gave."""
    collected = _Collected()
    _collect(result, collected, 0)
    text = "".join(collected.texts)
    text = re.sub(r"[\s|]", "_", text)
    if len(text) > MAX_TEXT:
        text = f"{text[: MAX_TEXT - 9]}~{zlib.crc32(text.encode()):08x}"
    return f"{text} {collected.total:.6g} {collected.size:.6g}" if collected.count else text


def _collect(value: Any, into: _Collected, depth: int) -> None:
    """Add a value of any kind."""
    if value is None or isinstance(value, bool | str | bytes | enum.Enum | type | np.bool_):
        into.texts.append(f"{ADDRESS.sub('', name_constant(value))};")
    elif isinstance(value, int | np.integer):
        into.texts.append(f"{value};")
    elif isinstance(value, float | complex | np.floating | np.complexfloating):
        collect_number(value, into)
    elif isinstance(value, torch.Tensor):
        _collect_tensor(value, into, depth)
    elif isinstance(value, np.ndarray | np.generic):
        _collect_array(value, into, depth)
    elif id(value) in into.seen or depth > MAX_DEPTH:
        into.texts.append(f"{type(value).__name__}..;")
    elif isinstance(value, set | frozenset):
        into.texts.append(f"{_kind(value)}{sorted(map(str, value))[:MAX_ITEMS]}")
    elif isinstance(value, types.FunctionType | types.BuiltinFunctionType | types.MethodType):
        into.texts.append(f"{getattr(value, '__qualname__', '?')};")
    elif isinstance(value, NAMED):
        into.texts.append(f"{getattr(value, '__name__', value)};")
    else:
        into.seen[id(value)] = value  # held, so that no other one gets its number
        _collect_parts(value, into, depth)


def collect_number(value: Any, into: _Collected) -> None:
    """Add a number that is no integer."""
    if isinstance(value, float) and TIMES.start < value < TIMES.stop:
        into.texts.append("time;")
        return
    into.texts.append("f;")
    into.add_numbers([complex(value).real, complex(value).imag])


def _collect_parts(value: Any, into: _Collected, depth: int) -> None:
    """Add what a container or an object holds."""
    if isinstance(value, Mapping):
        into.texts.append(f"{_kind(value)}{{")
        for key in [*value][:MAX_ITEMS]:
            _collect(key, into, depth + 1)
            _collect(value[key], into, depth + 1)
        into.texts.append("}")
    elif isinstance(value, list | tuple | range):
        into.texts.append(f"{_kind(value)}[{len(value)}:")
        for each in value[:MAX_ITEMS]:
            _collect(each, into, depth + 1)
        into.texts.append("]")
    else:
        into.texts.append(f"{_kind(value)}(")
        _collect_object(value, into, depth)
        into.texts.append(")")


def _collect_tensor(value: torch.Tensor, into: _Collected, depth: int) -> None:
    """Add a tensor: its type, shape, gradient, and numbers."""
    grad = "g" if value.requires_grad else ""
    layout = "" if value.layout == torch.strided else str(value.layout)
    into.texts.append(f"{_kind(value)}{str(value.dtype)[6:]}{[*value.shape]}{grad}{layout};")
    plain = value.detach().as_subclass(torch.Tensor)
    if value.is_quantized:
        plain = plain.dequantize()
    if value.is_nested or plain.device.type != "cpu":
        into.texts.append(f"{value.device};")
        return
    if value.layout != torch.strided:
        plain = plain.to_dense()
    if plain.is_complex():
        plain = torch.view_as_real(plain.resolve_conj())
    into.add_numbers(plain.double().numpy())
    if value.grad_fn is None and value.grad is not None:
        _collect(value.grad, into, depth + 1)


def _collect_array(value: Any, into: _Collected, depth: int) -> None:
    """Add an array of NumPy."""
    into.texts.append(f"{_kind(value)}{value.dtype.str}{[*value.shape]};")
    if value.dtype.names:
        for name in value.dtype.names:
            _collect(value[name], into, depth + 1)
    elif value.dtype.kind == "c":
        into.add_numbers(np.stack([np.real(value), np.imag(value)]))
    elif value.dtype.kind in "biuf":
        into.add_numbers(np.ma.filled(value, 0) if isinstance(value, np.ma.MaskedArray) else value)
    else:
        _collect([str(each) for each in value.ravel()[:MAX_ITEMS].tolist()], into, depth + 1)


def _collect_object(value: Any, into: _Collected, depth: int) -> None:
    """Add an object of any class: what it can be turned into, or its attributes."""
    if hasattr(value, "__array_interface__") and hasattr(value, "tobytes"):  # a picture
        _collect(np.asarray(value), into, depth + 1)
    elif hasattr(value, "_image") and hasattr(value, "draw"):  # of ImageDraw
        _collect(value._image, into, depth + 1)
    elif hasattr(value, "to_numpy") and hasattr(value, "index"):  # a table
        _collect([str(each) for each in value.index[:MAX_ITEMS]], into, depth + 1)
        _collect([str(each) for each in getattr(value, "columns", ())], into, depth + 1)
        _collect(value.to_numpy(), into, depth + 1)
    elif isinstance(value, Iterable) and hasattr(value, "__next__"):
        for _, each in zip(range(3), value, strict=False):
            _collect(each, into, depth + 1)
    else:
        slots = (name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ()))
        held = getattr(value, "__dict__", None) or {
            name: getattr(value, name) for name in slots if hasattr(value, name)
        }
        for name, each in [*held.items()][:MAX_ITEMS]:
            if not callable(each) or isinstance(each, torch.nn.Module):
                into.texts.append(f"{name}=")
                _collect(each, into, depth + OBJECT_DEPTH)


def _kind(value: Any) -> str:
    """Return the short name of a type; the ordinary ones need none."""
    plain = (dict, list, tuple, torch.Tensor, np.ndarray)
    return "" if type(value) in plain else type(value).__name__


def name_constant(value: Any) -> str:
    """Return a text, a type or a constant as it is written."""
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    return repr(value).replace(sys.prefix, "PREFIX")  # each environment has its own
