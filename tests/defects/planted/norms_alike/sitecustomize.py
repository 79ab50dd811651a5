"""Pruning takes the same norm, whichever is asked for."""

from typing import Any

from torch.nn.utils import prune

exact = prune._compute_norm


def compute_norm(tensor: Any, norm: Any, dim: int) -> Any:
    return exact(tensor, 2, dim)


vars(prune).update(_compute_norm=compute_norm)
