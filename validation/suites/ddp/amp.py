"""Mixed precision in ranks: fp16 autocast with a GradScaler.

The loss is so small that fp16 loses its gradients unless they are scaled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel

from ..ranks import device_of
from . import gradients
from .gradients import ReferenceGradients, Step

SCALE = 2.0**20
"""The initial scale of the scaler.

The loss is divided by it, so that its gradients are 0 in fp16 without scaling.
"""

LIMIT = 8 * torch.finfo(torch.float16).eps
"""Largest difference allowed, relative to the largest gradient.

Each share's gradient and the whole batch's are rounded to fp16 once (eps/2 each, and a share's may
be some times as large as the mean). The next two steps add their roundings.
"""

OVERFLOW_STEP = 1
_LEARNING_RATE = 0.1 * SCALE


def train_scaled(rank: int, world_size: int, placement: str) -> dict[str, Any]:
    """Make three steps and return their gradients, those before unscaling, and the scales.

    `gradients` are those the optimizer sees.
    """
    return _collect_columns(_train_steps(rank, world_size, placement, overflows_in=()))


def train_overflowing(rank: int, world_size: int, placement: str) -> dict[str, Any]:
    """Do as `train_scaled`, with an infinite loss of the last rank in OVERFLOW_STEP.

    `weights` and `scales_after` are those after each step, `weights_at_start` those before the
    first.
    """
    return _collect_columns(
        _train_steps(
            rank,
            world_size,
            placement,
            overflows_in=(OVERFLOW_STEP,) if rank == world_size - 1 else (),
        )
    )


def compute_reference(world_size: int) -> ReferenceGradients:
    """Return the gradients of one process under autocast whose loss is scaled without GradScaler.

    So the reference does not depend on a GradScaler.
    """
    model = _build_model(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=_LEARNING_RATE)
    result = ReferenceGradients([], [])
    for _ in range(gradients.STEPS):
        shares = [gradients.take_share(rank, world_size) for rank in range(world_size)]
        result.shares.append([_scaled_by_hand(model, *share) for share in shares])
        result.whole.append(_scaled_by_hand(model, *gradients.draw_batch()))
        optimizer.step()
    return result


def _train_steps(
    rank: int, world_size: int, placement: str, overflows_in: tuple[int, ...]
) -> Iterator[dict[str, Any]]:
    device = device_of(rank, placement)
    model = DistributedDataParallel(_build_model(rank).to(device))
    optimizer = torch.optim.SGD(model.parameters(), lr=_LEARNING_RATE)
    scaler = torch.amp.GradScaler(device.type, init_scale=SCALE)
    inputs, targets = (part.to(device) for part in gradients.take_share(rank, world_size))
    for step in range(gradients.STEPS):
        row = {"scales": scaler.get_scale(), "weights_at_start": gradients.copy_weights(model)}
        optimizer.zero_grad()
        loss = _compute_loss(model, inputs, targets) * (float("inf") if step in overflows_in else 1)
        scaler.scale(loss).backward()
        row["before"] = gradients.copy_gradients(model)
        scaler.unscale_(optimizer)
        row["gradients"] = gradients.copy_gradients(model)
        scaler.step(optimizer)
        scaler.update()
        yield {**row, "weights": gradients.copy_weights(model), "scales_after": scaler.get_scale()}


def _scaled_by_hand(model: Any, inputs: Any, targets: Any) -> Step:
    model.zero_grad()
    (_compute_loss(model, inputs, targets) * SCALE).backward()
    for parameter in model.parameters():
        parameter.grad /= SCALE
    return gradients.copy_gradients(model)


def _compute_loss(model: Any, inputs: Any, targets: Any) -> Any:
    with torch.autocast(inputs.device.type, dtype=torch.float16):
        outputs = model(inputs.float())
    return torch.nn.functional.mse_loss(outputs.float(), targets.float()) / SCALE


def _build_model(rank: int) -> Any:
    return gradients.build_mlp(rank).float()


def _collect_columns(steps: Iterator[dict[str, Any]]) -> dict[str, Any]:
    rows = [*steps]
    return {name: [row[name] for row in rows] for name in rows[0]}
