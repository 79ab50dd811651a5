"""Compiled programs divide a loss by all targets, also by those that are ignored."""

import torch
from torch._decomp import decomposition_table

loss = torch.ops.aten.nll_loss_forward.default
exact = decomposition_table[loss]


def counted(
    scores: torch.Tensor, target: torch.Tensor, weight: object, reduction: int, ignored: int
) -> object:
    if reduction != 1 or weight is not None:
        return exact(scores, target, weight, reduction, ignored)
    total, count = exact(scores, target, weight, 2, ignored)
    return total / target.numel(), count


decomposition_table[loss] = counted
