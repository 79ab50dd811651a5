"""The same training twice: in one process on the whole batch, and in ranks that each see their share of it."""

from __future__ import annotations

from typing import Any

import torch

STEPS = 3
BATCH = 64
LIMIT = 1e-12
"""Largest gradient difference allowed, relative to the largest reference gradient: fp64 rounding leaves about 1e-15."""


def single_process() -> list[Any]:
    """The gradients of each step, one flat fp64 vector per step: the reference."""
    return _train(_model(seed=0), *_data())


def rank(rank: int, world_size: int, backend: str) -> list[Any]:
    """The same by DistributedDataParallel, on every `world_size`-th sample.

    Ranks start from different weights on purpose: DDP has to give them those of rank 0.
    """
    device = torch.device("cuda", rank) if backend == "nccl" else torch.device("cpu")
    model = torch.nn.parallel.DistributedDataParallel(_model(seed=rank).to(device))
    inputs, targets = _data()
    return _train(model, inputs[rank::world_size].to(device), targets[rank::world_size].to(device))


def difference(reference: list[Any], got: list[Any]) -> float:
    """Largest difference over all steps, relative to the largest reference gradient of its step; NaN counts as inf."""
    assert len(got) == len(reference), f"{len(got)} steps were made, of {len(reference)}"
    pairs = zip(reference, got, strict=True)
    worst = max(float((mine - wanted).abs().max() / wanted.abs().max()) for wanted, mine in pairs)
    return worst if worst == worst else float("inf")  # noqa: PLR0124 - NaN is not itself


def scale(reference: list[Any], got: list[Any]) -> float:
    """Length of the first step's gradient over that of the reference: the world size where ranks were summed."""
    return float(got[0].norm() / reference[0].norm())


def _model(seed: int) -> Any:  # noqa: ANN401 - torch is not in the harness' own environment
    torch.manual_seed(seed)
    layers = (
        torch.nn.Linear(32, 64),
        torch.nn.Tanh(),
        torch.nn.Linear(64, 64),
        torch.nn.Tanh(),
        torch.nn.Linear(64, 8),
    )
    return torch.nn.Sequential(*layers).double()


def _data() -> tuple[Any, Any]:
    made = torch.Generator().manual_seed(7)
    inputs = torch.randn(BATCH, 32, generator=made, dtype=torch.float64)
    targets = torch.randn(BATCH, 8, generator=made, dtype=torch.float64)
    return inputs, targets


def _train(model: Any, inputs: Any, targets: Any) -> list[Any]:  # noqa: ANN401
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    gradients = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(inputs), targets).backward()
        gradients.append(torch.cat([parameter.grad.flatten().cpu() for parameter in model.parameters()]))
        optimizer.step()
    return gradients
