"""Resizing, sampling and padding in NumPy, one axis after the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

CUBIC = -0.75
"""The parameter of the cubic kernel that torch documents."""


def interpolate(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
) -> Any:
    """Return `input` with other lengths of its last axes, each value a mean of those around it."""
    axes = input.ndim - 2
    lengths = input.shape[2:]
    if size is not None:
        sizes = [int(each) for each in np.broadcast_to(size, axes)]
        scales = [old / new for old, new in zip(lengths, sizes, strict=True)]
    else:
        factors = [float(each) for each in np.broadcast_to(scale_factor, axes)]
        sizes = [math.floor(old * each) for old, each in zip(lengths, factors, strict=True)]
        scales = [1 / each for each in factors]
        if recompute_scale_factor:
            scales = [old / new for old, new in zip(lengths, sizes, strict=True)]
    result = input
    for axis, (new, scale) in enumerate(zip(sizes, scales, strict=True), start=2):
        weights = weigh_places(input.shape[axis], new, scale, mode, bool(align_corners))
        result = np.moveaxis(np.tensordot(result, weights, axes=(axis, 1)), -1, axis)
    return result


def weigh_places(old: int, new: int, scale: float, mode: str, align_corners: bool) -> Any:
    """Return the weight of each old place in each new one: (new, old)."""
    weights = np.zeros((new, old))
    for at in range(new):
        if mode == "area":
            first, last = at * old // new, -(-(at + 1) * old // new)
            weights[at, first:last] = 1 / (last - first)
            continue
        if mode.startswith("nearest"):
            shift = 0.5 if mode == "nearest-exact" else 0.0
            # both are computed in single precision
            nearest = int(np.floor(np.float32(at + shift) * np.float32(scale)))
            weights[at, min(nearest, old - 1)] = 1
            continue
        if align_corners:
            place = at * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            place = (at + 0.5) * scale - 0.5
        for near, weight in weigh_neighbours(place, mode):
            weights[at, min(max(near, 0), old - 1)] += weight
    return weights


def weigh_neighbours(place: float, mode: str) -> list[tuple[int, float]]:
    """Return the old places that a new one is a mean of, each with its weight."""
    if mode == "bicubic":
        first = math.floor(place)
        return [(near, weigh_cubic(place - near)) for near in range(first - 1, first + 3)]
    place = max(place, 0.0)
    first = math.floor(place)
    return [(first, 1 - (place - first)), (first + 1, place - first)]


def weigh_cubic(distance: float) -> float:
    """Return the weight that the cubic kernel gives a value at this distance."""
    apart = abs(distance)
    if apart <= 1:
        return (CUBIC + 2) * apart**3 - (CUBIC + 3) * apart**2 + 1
    if apart < 2:
        return CUBIC * (apart**3 - 5 * apart**2 + 8 * apart - 4)
    return 0.0


def grid_sample(
    input: Any,
    grid: Any,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Any:
    """Return the values of `input` at the places of `grid`, which are from -1 to 1."""
    axes = grid.shape[-1]
    lengths = input.shape[2:]
    places = []
    for axis, length in enumerate(lengths):
        given = grid[..., axes - 1 - axis]
        place = (given + 1) / 2 * (length - 1) if align_corners else ((given + 1) * length - 1) / 2
        if mode != "bicubic":
            place = _bring_inside(place, length, padding_mode, bool(align_corners))
        places.append(place)
    result = np.zeros((*input.shape[:2], *grid.shape[1:-1]))
    for offsets in np.ndindex(*[4 if mode == "bicubic" else 2] * axes):
        nears, weight = [], np.ones(grid.shape[:-1])
        for place, offset in zip(places, offsets, strict=True):
            near, part = take_neighbour(place, offset, mode)
            nears.append(near)
            weight = weight * part
        result += take_values(input, nears, padding_mode, align_corners) * weight[:, None]
    return result


def take_neighbour(place: Any, offset: int, mode: str) -> tuple[Any, Any]:
    """Return the neighbour of each place with this number, and its weight."""
    if mode == "nearest":
        return np.rint(place), np.full(place.shape, float(offset == 0))
    if mode == "bicubic":
        near = np.floor(place) + offset - 1
        return near, np.vectorize(weigh_cubic)(place - near)
    near = np.floor(place) + offset
    return near, 1 - np.abs(place - near)


def take_values(input: Any, nears: Any, padding_mode: str, align_corners: Any) -> Any:
    """Return the values at whole places; those outside are 0 or as `padding_mode` says."""
    inside = np.ones(nears[0].shape, dtype=bool)
    index = []
    for near, length in zip(nears, input.shape[2:], strict=True):
        at = np.rint(_bring_inside(near, length, padding_mode, bool(align_corners)))
        inside &= (at >= 0) & (at < length)
        index.append(np.clip(at, 0, length - 1).astype(int))
    rows = np.arange(len(input)).reshape(-1, *[1] * (nears[0].ndim - 1))
    taken = np.moveaxis(input[(rows, slice(None), *index)], -1, 1)
    return np.where(inside[:, None], taken, 0)


def _bring_inside(place: Any, length: int, padding_mode: str, align_corners: bool) -> Any:
    if padding_mode == "zeros":
        return place
    if padding_mode == "reflection":
        low, high = (0.0, length - 1.0) if align_corners else (-0.5, length - 0.5)
        span = high - low
        if span == 0:
            return np.zeros_like(place)
        folded = np.abs(place - low) % (2 * span)
        place = np.where(folded > span, 2 * span - folded, folded) + low
    return np.clip(place, 0, length - 1)


def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """Return `input` with more or fewer places on its last axes, the last axis first."""
    widths, less = [(0, 0)] * input.ndim, [(0, 0)] * input.ndim
    for axis, (left, right) in enumerate(zip(pad[::2], pad[1::2], strict=True), start=1):
        widths[-axis] = (max(left, 0), max(right, 0))
        less[-axis] = (max(-left, 0), max(-right, 0))
    names: dict[str, Any] = {
        "constant": "constant",
        "reflect": "reflect",
        "replicate": "edge",
        "circular": "wrap",
    }
    options: dict[str, Any] = {"constant_values": value or 0} if mode == "constant" else {}
    if mode == "replicate":  # of an edge that is cut off then
        return _cut_ends(np.pad(input, widths, mode="edge"), less)
    return np.pad(_cut_ends(input, less), widths, mode=names[mode], **options)


def _cut_ends(values: Any, less: Any) -> Any:
    ends = zip(less, values.shape, strict=True)
    return values[tuple(slice(left, length - right) for (left, right), length in ends)]


def upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """`interpolate` between the corners."""
    return interpolate(input, size, scale_factor, "bilinear", True)


def upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """`interpolate` that repeats values."""
    return interpolate(input, size, scale_factor, "nearest")


DEFINITIONS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (interpolate, grid_sample, pad, upsample_bilinear, upsample_nearest)
}
"""By the names in `torch.nn.functional`."""
