"""Layer norms add 1e-5 to the variance, whatever their eps."""

import torch

exact = torch.nn.functional.layer_norm


def norm(
    values: torch.Tensor,
    shape: object,
    weight: object = None,
    bias: object = None,
    eps: float = 1e-5,
) -> torch.Tensor:
    return exact(values, shape, weight, bias, 1e-5)


torch.nn.functional.layer_norm = norm
