"""An embedding's padding gets gradients."""

import torch

exact = torch.nn.functional.embedding


def embed(
    numbers: torch.Tensor,
    weight: torch.Tensor,
    padding_idx: object = None,
    *rest: object,
    **named: object,
) -> torch.Tensor:
    return exact(numbers, weight, None, *rest, **named)


torch.nn.functional.embedding = embed
