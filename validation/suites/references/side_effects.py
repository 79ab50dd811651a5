"""Statistics that layers keep and options that concern gradients, against their definitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from .norms import running_statistics
from .operators import measure_difference

LIMIT = 1e-9
BATCHES = 3
ROWS, WIDTH = 6, 3
NUMBERS = (1, 2, 2, 4, 2, 1)


def find_statistics_faults(device: str) -> Iterator[str]:
    """Yield each norm whose statistics after some batches are not those of its momentum."""
    shapes = {"BatchNorm1d": (7, 3), "BatchNorm2d": (4, 3, 2, 5), "BatchNorm3d": (2, 3, 2, 3, 4)}
    for name, shape in shapes.items():
        for momentum in (0.1, 0.4, None):
            layer = getattr(torch.nn, name)(3, momentum=momentum).to(device, torch.float64)
            kept: Any = (np.zeros(3), np.ones(3))
            for seen in range(1, BATCHES + 1):
                generator = torch.Generator().manual_seed(seen)
                batch = torch.randn(shape, generator=generator, dtype=torch.float64) * seen + seen
                layer(batch.to(device))
                kept = running_statistics(batch.numpy(), kept, momentum, seen)
            layer.eval()(batch.to(device))  # nothing is kept in evaluation
            apart = measure_difference((layer.running_mean, layer.running_var), kept)
            label = f"{name}(momentum={momentum})"
            if not apart <= LIMIT:
                yield f"{label} keeps statistics that are off by {apart:.1e}"
            if int(layer.num_batches_tracked) != BATCHES:
                yield f"{label} counts {int(layer.num_batches_tracked)} of {BATCHES} batches"


def find_gradient_faults(device: str) -> Iterator[str]:
    """Yield each option that concerns gradients alone and does not do what it says."""
    counts = torch.bincount(torch.tensor(NUMBERS), minlength=ROWS).double()
    padded = counts.clone()
    padded[2] = 0
    cases: tuple[tuple[str, dict[str, Any], Any], ...] = (
        ("Embedding", {}, counts),
        ("Embedding", {"padding_idx": 2}, padded),
        ("Embedding", {"padding_idx": -4}, padded),
        ("Embedding", {"padding_idx": 2, "sparse": True}, padded),
        ("Embedding", {"scale_grad_by_freq": True}, counts.clamp(max=1)),
        ("EmbeddingBag", {"mode": "sum"}, counts),
        ("EmbeddingBag", {"mode": "sum", "padding_idx": 2}, padded),
        ("EmbeddingBag", {"mode": "sum", "sparse": True}, counts),
    )
    for name, options, wanted in cases:
        layer = getattr(torch.nn, name)(ROWS, WIDTH, **options).to(device, torch.float64)
        numbers = torch.tensor([NUMBERS], device=device)
        layer(numbers).sum().backward()
        gradient = layer.weight.grad
        apart = measure_difference(gradient, wanted[:, None].expand(-1, WIDTH))
        if not apart <= LIMIT:
            yield f"the gradient of {name} with {options} is off by {apart:.1e}"
    yield from find_clipping_faults(device)
    yield from find_switch_faults(device)


def find_clipping_faults(device: str) -> Iterator[str]:
    """Yield how clipped gradients are not those of their limit."""
    for kind in (1.0, 2.0, 3.0, float("inf")):
        for foreach in (False, True):
            parameters = _with_gradients(device)
            whole = torch.cat([each.grad.flatten() for each in parameters])
            norm = float(torch.linalg.vector_norm(whole, kind))
            length = torch.nn.utils.clip_grad_norm_(parameters, 0.7, kind, foreach=foreach)
            got = torch.cat([each.grad.flatten() for each in parameters])
            apart = measure_difference(got, whole * (0.7 / (norm + 1e-6)))
            if not (apart <= LIMIT and abs(float(length) - norm) <= LIMIT * norm):
                yield f"clip_grad_norm_ of kind {kind} with foreach={foreach} is off by {apart:.1e}"
    parameters = _with_gradients(device)
    whole = torch.cat([each.grad.flatten() for each in parameters])
    torch.nn.utils.clip_grad_value_(parameters, 0.3)
    got = torch.cat([each.grad.flatten() for each in parameters])
    if not torch.equal(got, whole.clamp(-0.3, 0.3)):
        yield "clip_grad_value_ does not clip at its value"


def _with_gradients(device: str) -> list[Any]:
    generator = torch.Generator().manual_seed(0)
    parameters = [
        torch.nn.Parameter(torch.zeros(size, dtype=torch.float64, device=device)) for size in (3, 5)
    ]
    for each in parameters:
        each.grad = torch.randn(each.shape, generator=generator, dtype=torch.float64).to(device)
    return parameters


def find_switch_faults(device: str) -> Iterator[str]:
    """Yield how gradients are kept, or not kept, otherwise than asked."""
    weight = torch.ones(3, dtype=torch.float64, device=device, requires_grad=True)
    for times in (1, 2):
        (2 * weight).sum().backward()
        if not torch.equal(weight.grad, torch.full_like(weight, 2.0 * times)):
            yield f"{times} backward passes give {weight.grad.tolist()}, not {2.0 * times} each"
    optimizer = torch.optim.SGD([weight], lr=1.0)
    optimizer.zero_grad(set_to_none=False)
    if weight.grad is None or bool(weight.grad.any()):
        yield "zero_grad(set_to_none=False) leaves gradients"
    optimizer.zero_grad()
    if weight.grad is not None:
        yield "zero_grad() leaves gradients"
    for name in ("no_grad", "inference_mode"):
        with getattr(torch, name)():
            if (weight * 2).requires_grad:
                yield f"a result inside {name} has a gradient"
    if weight.detach().requires_grad:
        yield "a detached tensor has a gradient"
    frozen = torch.nn.Embedding.from_pretrained(torch.ones(2, 2, device=device))
    if frozen.weight.requires_grad:
        yield "Embedding.from_pretrained does not freeze its weights"
