"""Dropout does not make up for what it leaves out."""

import torch

exact = torch.nn.functional.dropout


def dropout(
    values: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> torch.Tensor:
    dropped = exact(values, p, training, inplace)
    return dropped * (1 - p) if training else dropped


torch.nn.functional.dropout = dropout
