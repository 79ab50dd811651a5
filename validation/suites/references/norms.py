"""Normalisation, embeddings and attention in NumPy: arguments are those of torch's functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def _standardise(values: Any, axes: Any, eps: float) -> Any:
    mean, variance = values.mean(axis=axes, keepdims=True), values.var(axis=axes, keepdims=True)
    return (values - mean) / np.sqrt(variance + eps)


def _per_channel(values: Any, like: Any) -> Any:
    return values.reshape(1, -1, *[1] * (like.ndim - 2))


def _scale_channels(values: Any, weight: Any, bias: Any) -> Any:
    if weight is not None:
        values = values * _per_channel(weight, values)
    return values if bias is None else values + _per_channel(bias, values)


def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Standardise each channel, by the batch in training and by what was kept otherwise."""
    if training or running_mean is None:
        axes = (0, *range(2, input.ndim))
        return _scale_channels(_standardise(input, axes, eps), weight, bias)
    kept = _per_channel(running_mean, input), _per_channel(running_var, input)
    return _scale_channels((input - kept[0]) / np.sqrt(kept[1] + eps), weight, bias)


def running_statistics(input: Any, kept: Any, momentum: float | None, seen: int) -> Any:
    """Return mean and variance that batch_norm keeps after a batch; `kept` are those before.

    `seen` counts the batches with this one: without a momentum all of them count the same.
    """
    axes = (0, *range(2, input.ndim))
    share = 1 / seen if momentum is None else momentum
    new = input.mean(axis=axes), input.var(axis=axes, ddof=1)
    return tuple((1 - share) * old + share * each for old, each in zip(kept, new, strict=True))


def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Standardise each channel of each sample."""
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    return _scale_channels(_standardise(input, tuple(range(2, input.ndim)), eps), weight, bias)


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Standardise each group of channels of each sample."""
    grouped = input.reshape(len(input), num_groups, -1)
    return _scale_channels(_standardise(grouped, -1, eps).reshape(input.shape), weight, bias)


def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Standardise over the last axes."""
    axes = tuple(range(-len(np.atleast_1d(normalized_shape)), 0))
    result = _standardise(input, axes, eps)
    result = result if weight is None else result * weight
    return result if bias is None else result + bias


def rms_norm(
    input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None
) -> Any:
    """Divide by the root of the mean square over the last axes."""
    axes = tuple(range(-len(np.atleast_1d(normalized_shape)), 0))
    least = np.finfo(input.dtype).eps if eps is None else eps
    result = input / np.sqrt((input**2).mean(axis=axes, keepdims=True) + least)
    return result if weight is None else result * weight


def local_response_norm(
    input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    """Divide by a power of the mean square of `size` channels around."""
    squares = np.pad(input**2, [(0, 0), (size // 2, (size - 1) // 2), *[(0, 0)] * (input.ndim - 2)])
    sums = sum(squares[:, at : at + input.shape[1]] for at in range(size))
    return input / (k + alpha * sums / size) ** beta


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Any:
    """Divide vectors by their p-norm."""
    lengths = np.abs(input)
    if p == float("inf"):
        norm = lengths.max(axis=dim, keepdims=True)
    elif p == 0:
        norm = (lengths != 0).sum(axis=dim, keepdims=True)
    else:
        norm = (lengths**p).sum(axis=dim, keepdims=True) ** (1 / p)
    return input / np.maximum(norm, eps)


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """The product with the transposed weight, and the bias."""
    result = input @ weight.T
    return result if bias is None else result + bias


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """The products of both inputs, weighted for each output."""
    result = np.einsum("...i,oij,...j->...o", input1, weight, input2)
    return result if bias is None else result + bias


def limit_rows(rows: Any, used: Any, max_norm: float | None, norm_type: float) -> Any:
    """Return the rows, those in use no longer than `max_norm`."""
    if max_norm is None:
        return rows
    lengths = (np.abs(rows) ** norm_type).sum(axis=1) ** (1 / norm_type)
    factors = np.where(lengths > max_norm, max_norm / (lengths + 1e-7), 1)
    in_use = np.isin(np.arange(len(rows)), used)
    return rows * np.where(in_use, factors, 1)[:, None]


def embedding(
    weight: Any,
    input: Any,
    max_norm: float | None = None,
    norm_type: float = 2.0,
) -> Any:
    """The rows of these numbers."""
    return limit_rows(weight, input, max_norm, norm_type)[input]


def embedding_bag(
    weight: Any,
    input: Any,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    mode: str = "mean",
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:
    """The sum, the mean or the largest of the rows of each bag."""
    rows = limit_rows(weight, input, max_norm, norm_type)
    shares = np.ones(input.shape) if per_sample_weights is None else per_sample_weights
    if input.ndim == 2:
        bags = [*zip(input, shares, strict=True)]
    else:
        ends = offsets[1:] if include_last_offset else [*offsets[1:], len(input)]
        spans = [*zip(offsets, ends, strict=False)]
        bags = [(input[start:end], shares[start:end]) for start, end in spans]
    padding = None if padding_idx is None else padding_idx % len(weight)
    reduced = []
    for numbers, parts in bags:
        kept = numbers != padding if padding is not None else np.ones(len(numbers), dtype=bool)
        taken = rows[numbers[kept]] * parts[kept][:, None]
        reduce = getattr(np, mode)
        reduced.append(reduce(taken, axis=0) if len(taken) else np.zeros(rows.shape[1]))
    return np.array(reduced)


def softmax(values: Any) -> Any:
    """The shares of the last axis."""
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """The values, averaged by how much their keys are like the query."""
    if dropout_p:
        raise NotImplementedError("a random result has no definition")
    if enable_gqa:
        key, value = (
            np.repeat(each, query.shape[-3] // each.shape[-3], axis=-3) for each in (key, value)
        )
    scores = (
        query @ np.swapaxes(key, -1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    )
    if is_causal:
        attn_mask = np.tri(*scores.shape[-2:], dtype=bool)
    if attn_mask is not None:
        boolean = attn_mask.dtype == bool
        scores = np.where(attn_mask, scores, -np.inf) if boolean else scores + attn_mask
    return softmax(scores) @ value


DEFINITIONS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        batch_norm,
        instance_norm,
        group_norm,
        layer_norm,
        rms_norm,
        local_response_norm,
        normalize,
        linear,
        bilinear,
        embedding,
        embedding_bag,
        scaled_dot_product_attention,
    )
}
"""By the names in `torch.nn.functional`."""
