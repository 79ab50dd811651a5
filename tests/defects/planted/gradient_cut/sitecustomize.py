"""A function has the right values and a part of its gradient."""

import torch


def softsign(values: torch.Tensor) -> torch.Tensor:
    return values / (1 + values.detach().abs())


torch.nn.functional.softsign = softsign
