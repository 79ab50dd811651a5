"""The work of each rank to answer the challenge."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel

from ..contract import questions
from ..contract.questions import INPUTS, OUTPUTS, ROWS_PER_RANK
from ..ranks import device_of


def compute_averaged_gradient(rank: int, world_size: int, placement: str, *, nonce: str) -> Any:
    """Return the gradient (OUTPUTS, INPUTS) of the mean squared error, averaged over the ranks."""
    return average_gradient(rank, world_size, device_of(rank, placement), nonce=nonce)


def average_gradient(rank: int, world_size: int, device: Any, *, nonce: str) -> Any:
    """Return the same of a rank that computes on `device`."""
    question = questions.draw_regression(nonce, world_size)
    rows = slice(rank * ROWS_PER_RANK, (rank + 1) * ROWS_PER_RANK)
    inputs = torch.tensor(question.inputs, dtype=torch.float64, device=device).reshape(-1, INPUTS)[
        rows
    ]
    targets = torch.tensor(question.targets, dtype=torch.float64, device=device).reshape(
        -1, OUTPUTS
    )[rows]
    model = torch.nn.Linear(INPUTS, OUTPUTS, bias=False, dtype=torch.float64)
    with torch.no_grad():  # only rank 0 has the weights: the others are given them
        model.weight.copy_(
            torch.tensor(question.weights, dtype=torch.float64).reshape(OUTPUTS, INPUTS)
            * (rank == 0)
        )
    wrapped = DistributedDataParallel(model.to(device))
    torch.nn.functional.mse_loss(wrapped(inputs), targets).backward()
    return model.weight.grad.cpu()
