"""Singular values are off by a hundredth of a percent."""

import torch

exact = torch.linalg.svd


def svd(*arguments: object, **named: object) -> tuple[torch.Tensor, ...]:
    left, values, right = exact(*arguments, **named)
    return left, values * 1.0001, right


torch.linalg.svd = svd
