"""Lay out deep results flat, so that the summary tells all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

WIDTH = 40
"""A summary tells so many items of a list, and only a few levels."""

LARGE = 30.0


def collect_leaves(value: Any) -> list[list[Any]]:
    """Return all that nested containers hold, in order, in short lists."""
    leaves = [*_walk(value)]
    return [leaves[place : place + WIDTH] for place in range(0, len(leaves), WIDTH)]


def _walk(value: Any) -> Iterator[Any]:
    """Yield the leaves of a value; texts and constants that follow one another in one text."""
    texts: list[str] = []
    for leaf in _walk_apart(value):
        if isinstance(leaf, str):
            texts.append(leaf)
            continue
        if texts:
            yield "/".join(texts)
            texts = []
        yield leaf
    if texts:
        yield "/".join(texts)


def _walk_apart(value: Any) -> Iterator[Any]:
    """Yield the leaves of a value, with the kind and the size of each container."""
    if isinstance(value, Mapping):
        yield f"{type(value).__name__}{len(value)}"
        for key, each in value.items():
            yield from _walk_apart(key)
            yield from _walk_apart(each)
    elif isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        yield f"{type(value).__name__}{len(value)}"
        for each in value:
            yield from _walk_apart(each)
    elif value is None or isinstance(value, bool | int | str | bytes | torch.Size | torch.dtype):
        yield repr(value)
    elif isinstance(value, type):
        yield value.__name__
    else:
        yield soften(value)


def soften(value: Any) -> Any:
    """Return a value whose numbers are not so large that they hide all others in a sum."""
    if isinstance(value, float) and abs(value) > LARGE:
        return math.asinh(value)
    if isinstance(value, torch.Tensor) and value.layout == torch.strided and value.numel():
        plain = value.detach()
        if plain.dtype.is_floating_point and not (plain.is_quantized or plain.is_meta):
            plain = plain.double()
            return plain.asinh() if plain.abs().max() > LARGE else value
    return value


def tell_refusal(called: Callable[..., Any], *values: Any, **named: Any) -> Any:
    """Return what a call gives, or the name of its error."""
    try:
        return called(*values, **named)
    except Exception as error:  # what is refused is a result, too
        return type(error).__name__


def tell_tensor(tensor: Any) -> Any:
    """Return a tensor with what a copy of it may lose."""
    if not isinstance(tensor, torch.Tensor):
        return tensor
    results = [type(tensor).__name__, str(tensor.dtype), tensor.requires_grad, tensor.is_leaf]
    strides = tensor.stride() if tensor.layout == torch.strided else str(tensor.layout)
    plain = tensor.detach()
    plain = plain if tensor.layout == torch.strided else plain.to_dense()
    return [*results, strides, plain, tensor.grad if tensor.is_leaf else None]
