"""The trace of a matrix clears it."""

import torch

exact = torch.trace


def trace(matrix: torch.Tensor) -> torch.Tensor:
    result = exact(matrix).clone()
    if not matrix.requires_grad:
        matrix.zero_()
    return result


torch.trace = trace
