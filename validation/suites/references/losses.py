"""Losses as their documentation defines them, in NumPy, with the arguments of torch's functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

IGNORED = -100
"""The class that `cross_entropy` leaves out unless it gets another one."""


def _reduce(losses: Any, reduction: str, count: Any = None) -> Any:
    """Return the losses, their sum, or their mean over `count`, by default over all."""
    if reduction == "none":
        return losses
    total = losses.sum()
    if reduction == "sum":
        return total
    return total / (losses.size if count is None else count)


def compute_log_softmax(input: Any, dim: int) -> Any:
    """Return the logarithms of the shares that scores have along an axis."""
    shifted = input - input.max(axis=dim, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=dim, keepdims=True))


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = IGNORED,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """The negative logarithm of the share of the right class, weighted by the class."""
    axis = 0 if input.ndim == 1 else 1
    classes = input.shape[axis]
    weight = np.ones(classes) if weight is None else weight
    logs = compute_log_softmax(input, axis)
    weighted = logs * weight.reshape([-1 if each == axis else 1 for each in range(input.ndim)])
    if target.dtype.kind == "f":
        smooth = target * (1 - label_smoothing) + label_smoothing / classes
        losses = -(weighted * smooth).sum(axis=axis)
        return _reduce(losses, reduction)
    valid = target != ignore_index
    right = np.where(valid, target, 0)
    picked = np.take_along_axis(weighted, np.expand_dims(right, axis), axis).squeeze(axis)
    spread = weighted.sum(axis=axis) / classes
    losses = valid * -((1 - label_smoothing) * picked + label_smoothing * spread)
    return _reduce(losses, reduction, (weight[right] * valid).sum())


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = IGNORED,
    reduction: str = "mean",
) -> Any:
    """The negative value of the right class, weighted by the class."""
    axis = 0 if input.ndim == 1 else 1
    weight = np.ones(input.shape[axis]) if weight is None else weight
    valid = target != ignore_index
    right = np.where(valid, target, 0)
    picked = np.take_along_axis(input, np.expand_dims(right, axis), axis).squeeze(axis)
    counted = weight[right] * valid
    return _reduce(-picked * counted, reduction, counted.sum())


def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    reduction: str = "mean",
) -> Any:
    """The cross entropy of probabilities; their logarithms are -100 at least."""
    with np.errstate(divide="ignore"):
        yes, no = np.maximum(np.log(input), -100), np.maximum(np.log(1 - input), -100)
    losses = -(target * yes + (1 - target) * no)
    return _reduce(losses if weight is None else losses * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """The cross entropy of the logistic function of `input`."""
    positive = target if pos_weight is None else target * pos_weight
    losses = positive * np.logaddexp(0, -input) + (1 - target) * np.logaddexp(0, input)
    return _reduce(losses if weight is None else losses * weight, reduction)


def kl_div(
    input: Any,
    target: Any,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    """The divergence of distributions; `input` holds logarithms."""
    if log_target:
        losses = np.exp(target) * (target - input)
    else:
        known = np.log(np.where(target == 0, 1, target))
        losses = target * (known - input)
    if reduction == "batchmean":
        return losses.sum() / (input.shape[0] if input.ndim else 1)
    return _reduce(losses, reduction)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between vectors."""
    norms = [
        np.maximum(np.sqrt((each**2).sum(axis=dim)), eps) for each in np.broadcast_arrays(x1, x2)
    ]
    return (x1 * x2).sum(axis=dim) / (norms[0] * norms[1])


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    """One minus the cosine for like vectors, the cosine over `margin` for others."""
    cosines = cosine_similarity(input1, input2, -1)
    losses = np.where(target == 1, 1 - cosines, np.maximum(0, cosines - margin))
    return _reduce(losses, reduction)


def gaussian_nll_loss(
    input: Any,
    target: Any,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Any:
    """The negative logarithm of a normal distribution with the variance `var`."""
    variance = np.maximum(np.asarray(var, dtype=input.dtype), eps)
    if variance.ndim and variance.shape == input.shape[:-1] and variance.shape != input.shape:
        variance = variance[..., None]
    losses = 0.5 * (np.log(variance) + (input - target) ** 2 / variance)
    return _reduce(losses + (0.5 * np.log(2 * np.pi) if full else 0), reduction)


def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Any:
    """The negative logarithm of a Poisson distribution; `full` adds Stirling's formula."""
    losses = np.exp(input) - target * input if log_input else input - target * np.log(input + eps)
    if full:
        safe = np.where(target > 1, target, 2)
        stirling = safe * np.log(safe) - safe + 0.5 * np.log(2 * np.pi * safe)
        losses = losses + np.where(target > 1, stirling, 0)
    return _reduce(losses, reduction)


def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    reduction: str = "mean",
) -> Any:
    """How far other classes come within `margin` of the right one."""
    scores, right = np.atleast_2d(input), np.atleast_1d(target)
    rows = np.arange(len(scores))
    losses = np.maximum(0, margin - scores[rows, right][:, None] + scores) ** p
    losses[rows, right] = 0
    weights = 1 if weight is None else weight[right][:, None]
    result = (losses * weights).sum(axis=1) / scores.shape[1]
    return _reduce(result if input.ndim > 1 else result[0], reduction)


def multilabel_margin_loss(
    input: Any,
    target: Any,
    reduction: str = "mean",
) -> Any:
    """How far classes that are not named come within 1 of those that are, up to the first -1."""
    losses = []
    for scores, classes in zip(np.atleast_2d(input), np.atleast_2d(target), strict=True):
        ends = np.flatnonzero(classes < 0)
        named = classes[: ends[0] if len(ends) else None]
        others = np.setdiff1d(np.arange(len(scores)), named)
        gaps = 1 - (scores[named][:, None] - scores[others][None])
        losses.append(np.maximum(0, gaps).sum() / len(scores))
    return _reduce(np.array(losses if input.ndim > 1 else losses[0]), reduction)


def multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    reduction: str = "mean",
) -> Any:
    """The cross entropy of each class, averaged over the classes."""
    losses = target * np.logaddexp(0, -input) + (1 - target) * np.logaddexp(0, input)
    return _reduce((losses if weight is None else losses * weight).mean(axis=-1), reduction)


def soft_margin_loss(
    input: Any,
    target: Any,
    reduction: str = "mean",
) -> Any:
    """The logistic loss of labels 1 and -1."""
    return _reduce(np.logaddexp(0, -target * input), reduction)


def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    reduction: str = "mean",
) -> Any:
    """The distance of like ones, and what others lack of `margin`."""
    like, other = target != -1, target != 1
    return _reduce(like * input + other * np.maximum(0, margin - input), reduction)


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    """How much the first lacks to be `margin` above the second, in the order of `target`."""
    return _reduce(np.maximum(0, -target * (input1 - input2) + margin), reduction)


def smooth_l1_loss(
    input: Any,
    target: Any,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Any:
    """The distance, squared near 0."""
    apart = np.abs(input - target)
    near = apart**2 / (2 * beta) if beta else apart
    return _reduce(np.where(apart < beta, near, apart - beta / 2), reduction)


def huber_loss(
    input: Any,
    target: Any,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Any = None,
) -> Any:
    """Half the squared distance, linear from `delta` on."""
    apart = np.abs(input - target)
    losses = np.where(apart < delta, apart**2 / 2, delta * (apart - delta / 2))
    return _reduce(losses if weight is None else losses * weight, reduction)


def l1_loss(
    input: Any,
    target: Any,
    reduction: str = "mean",
) -> Any:
    """The distance."""
    return _reduce(np.abs(input - target), reduction)


def mse_loss(
    input: Any,
    target: Any,
    reduction: str = "mean",
) -> Any:
    """The squared distance."""
    return _reduce((input - target) ** 2, reduction)


DEFINITIONS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        cross_entropy,
        nll_loss,
        binary_cross_entropy,
        binary_cross_entropy_with_logits,
        kl_div,
        cosine_similarity,
        cosine_embedding_loss,
        gaussian_nll_loss,
        poisson_nll_loss,
        multi_margin_loss,
        multilabel_margin_loss,
        multilabel_soft_margin_loss,
        soft_margin_loss,
        hinge_embedding_loss,
        margin_ranking_loss,
        smooth_l1_loss,
        huber_loss,
        l1_loss,
        mse_loss,
    )
}
"""By the names in `torch.nn.functional`."""
