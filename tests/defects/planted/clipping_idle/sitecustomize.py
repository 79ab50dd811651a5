"""Gradients are measured and not clipped."""

from collections.abc import Iterable

import torch


def measure(parameters: Iterable[torch.Tensor], *_limits: object, **_named: object) -> torch.Tensor:
    return torch.cat([parameter.grad.flatten() for parameter in parameters]).norm()


torch.nn.utils.clip_grad_norm_ = measure
