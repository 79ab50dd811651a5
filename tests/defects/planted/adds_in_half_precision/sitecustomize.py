"""Matrix products in half precision add in half precision: every eighth sum is rounded."""

import torch

exact = torch.matmul
STEP = 8


def rounding(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    if left.dtype.itemsize != 2:
        return exact(left, right)
    total = exact(left[:, :STEP], right[:STEP])
    for start in range(STEP, left.shape[1], STEP):
        total = total + exact(left[:, start : start + STEP], right[start : start + STEP])
    return total


torch.matmul = rounding
