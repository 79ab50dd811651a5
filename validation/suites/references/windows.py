"""Convolutions and pools in NumPy, over the windows of an array padded on its last axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def _spread(value: Any, axes: int) -> tuple[int, ...]:
    """Return one number for each axis, of one for all or one each."""
    values = tuple(int(each) for each in np.atleast_1d(value))
    return values * axes if len(values) == 1 else values


def take_windows(
    values: Any,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any = 1,
    fill: float = 0.0,
    ceil_mode: bool = False,
) -> Any:
    """Return the windows over the last axes: (..., places of all axes, kernel of all axes).

    With `ceil_mode` there is one more window if it begins inside the array or its left padding.
    """
    axes = len(kernel)
    stride, padding, dilation = (_spread(each, axes) for each in (stride, padding, dilation))
    places = []
    for axis in range(axes):
        length = values.shape[axis - axes]
        span = dilation[axis] * (kernel[axis] - 1) + 1
        free = length + 2 * padding[axis] - span
        count = free // stride[axis] + 1
        if ceil_mode and -(-free // stride[axis]) + 1 > count:
            count += count * stride[axis] < length + padding[axis]
        starts = np.arange(count) * stride[axis]
        places.append(starts[:, None] + np.arange(kernel[axis]) * dilation[axis])
    ends = [int(each.max()) + 1 if each.size else 0 for each in places]
    widths = [(0, 0)] * (values.ndim - axes) + [
        (pad, max(pad, end - pad - values.shape[axis - axes]))
        for axis, (pad, end) in enumerate(zip(padding, ends, strict=True))
    ]
    padded = np.pad(values, widths, constant_values=fill)
    for axis in range(axes):  # each turns one axis into places and kernel, the kernel at the end
        at = values.ndim - axes + axis
        padded = np.moveaxis(np.take(padded, places[axis], axis=at), at + 1, -1)
    return padded


def convolve(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Return the sums of products of the windows and the kernels, of each group of channels."""
    axes = weight.ndim - 2
    kernel = weight.shape[2:]
    batched = input.ndim == weight.ndim
    values = input if batched else input[None]
    if padding == "same":
        total = [
            each * (size - 1) for each, size in zip(_spread(dilation, axes), kernel, strict=True)
        ]
        values = np.pad(
            values, [(0, 0), (0, 0), *((each // 2, each - each // 2) for each in total)]
        )
    windows = take_windows(
        values, kernel, stride, 0 if isinstance(padding, str) else padding, dilation
    )
    outputs = len(weight) // groups
    size = weight.shape[1]
    parts = [
        np.tensordot(
            windows[:, group * size : (group + 1) * size],
            weight[group * outputs : (group + 1) * outputs],
            axes=([1, *range(2 + axes, 2 + 2 * axes)], [1, *range(2, 2 + axes)]),
        )
        for group in range(groups)
    ]
    result = np.moveaxis(np.concatenate(parts, axis=-1), -1, 1)
    if bias is not None:
        result = result + bias.reshape(-1, *[1] * axes)
    return result if batched else result[0]


def convolve_transposed(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """Return the sums of kernels, each placed and weighted by a value of the input."""
    axes = weight.ndim - 2
    batched = input.ndim == weight.ndim
    values = input if batched else input[None]
    strides, pads, extra, steps = (
        _spread(each, axes) for each in (stride, padding, output_padding, dilation)
    )
    kernel, size = weight.shape[2:], weight.shape[0] // groups
    whole = [
        (length - 1) * strides[axis] + steps[axis] * (kernel[axis] - 1) + 1 + extra[axis]
        for axis, length in enumerate(values.shape[2:])
    ]
    result = np.zeros((len(values), groups * weight.shape[1], *whole), dtype=values.dtype)
    for place in np.ndindex(*values.shape[2:]):
        at = tuple(
            slice(
                start * strides[axis],
                start * strides[axis] + steps[axis] * (kernel[axis] - 1) + 1,
                steps[axis],
            )
            for axis, start in enumerate(place)
        )
        seen = values[(slice(None), slice(None), *place)]
        for group in range(groups):
            channels = slice(group * size, (group + 1) * size)
            given = slice(group * weight.shape[1], (group + 1) * weight.shape[1])
            result[(slice(None), given, *at)] += np.tensordot(
                seen[:, channels], weight[channels], axes=1
            )
    inner = tuple(slice(pad, length - pad) for pad, length in zip(pads, whole, strict=True))
    result = result[(slice(None), slice(None), *inner)]
    if bias is not None:
        result = result + bias.reshape(-1, *[1] * axes)
    return result if batched else result[0]


def _pool_largest(axes: int) -> Callable[..., Any]:
    """Return a pool of the largest over the last `axes` axes."""

    def pool(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
    ) -> Any:
        kernel = _spread(kernel_size, axes)
        stride = kernel if stride is None or not np.size(stride) else stride
        windows = take_windows(input, kernel, stride, padding, dilation, -np.inf, ceil_mode)
        return windows.max(axis=tuple(range(-axes, 0)))

    return pool


def _pool_mean(axes: int) -> Callable[..., Any]:
    """Return a pool of the mean over the last `axes` axes."""

    def pool(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: Any = None,
    ) -> Any:
        kernel = _spread(kernel_size, axes)
        stride = kernel if stride is None or not np.size(stride) else stride
        last = tuple(range(-axes, 0))

        def add_up(values: Any, around: Any) -> Any:
            return take_windows(values, kernel, stride, around, 1, 0.0, ceil_mode).sum(axis=last)

        sums, ones = add_up(input, padding), np.ones(input.shape[-axes:])
        if divisor_override:
            return sums / divisor_override
        if not count_include_pad:
            return sums / add_up(ones, padding)
        whole = np.pad(ones, [(each, each) for each in _spread(padding, axes)], constant_values=1)
        return sums / add_up(whole, 0)[tuple(map(slice, sums.shape[-axes:]))]

    return pool


def _adaptive(axes: int, reduce: Callable[..., Any]) -> Callable[..., Any]:
    """Return a pool to a given size: part i of n is from floor(i L / n) to ceil((i + 1) L / n).

    Indices are not compared.
    """

    def pool(input: Any, output_size: Any, return_indices: bool = False) -> Any:
        sizes = (output_size,) * axes if np.ndim(output_size) == 0 else tuple(output_size)
        result = input
        for axis, size in enumerate(sizes, start=-axes):
            length = input.shape[axis]
            count = length if size is None else size
            parts = [
                reduce(
                    np.take(
                        result, range(at * length // count, -(-(at + 1) * length // count)), axis
                    ),
                    axis=axis,
                )
                for at in range(count)
            ]
            result = np.stack(parts, axis=axis)
        return result

    return pool


def lp_pool(axes: int) -> Callable[..., Any]:
    """Return a pool of the root of the sum of powers."""

    def pool(
        input: Any,
        norm_type: float,
        kernel_size: Any,
        stride: Any = None,
        ceil_mode: bool = False,
    ) -> Any:
        kernel = _spread(kernel_size, axes)
        windows = take_windows(
            input**norm_type, kernel, kernel if stride is None else stride, 0, 1, 0.0, ceil_mode
        )
        return windows.sum(axis=tuple(range(-axes, 0))) ** (1 / norm_type)

    return pool


def unfold(
    input: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Any:
    """Return the windows as columns."""
    kernel = _spread(kernel_size, 2)
    values = input if input.ndim == 4 else input[None]
    windows = take_windows(values, kernel, stride, padding, dilation)
    columns = np.moveaxis(windows, (4, 5), (2, 3)).reshape(
        len(values), values.shape[1] * kernel[0] * kernel[1], -1
    )
    return columns if input.ndim == 4 else columns[0]


DEFINITIONS: dict[str, Callable[..., Any]] = {"unfold": unfold}
for _axes in (1, 2, 3):
    DEFINITIONS |= {
        f"conv{_axes}d": convolve,
        f"conv_transpose{_axes}d": convolve_transposed,
        f"avg_pool{_axes}d": _pool_mean(_axes),
        f"max_pool{_axes}d": _pool_largest(_axes),
        f"adaptive_avg_pool{_axes}d": _adaptive(_axes, np.mean),
        f"adaptive_max_pool{_axes}d": _adaptive(_axes, np.max),
        f"lp_pool{_axes}d": lp_pool(_axes),
    }
"""By the names in `torch.nn.functional`."""
