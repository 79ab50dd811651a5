"""A box hides those of other classes."""

import torch
from torchvision import ops


def choose(
    boxes: torch.Tensor, scores: torch.Tensor, _: torch.Tensor, limit: float
) -> torch.Tensor:
    return ops.nms(boxes, scores, limit)


ops.batched_nms = choose
