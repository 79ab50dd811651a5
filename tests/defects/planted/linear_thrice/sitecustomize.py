"""A linear layer multiplies three times, and the last product counts."""

from typing import Any

import torch

_forward = torch.nn.Linear.forward


def _multiply_thrice(self: Any, inputs: Any) -> Any:
    return [_forward(self, inputs) for _ in range(3)][-1]


torch.nn.Linear.forward = _multiply_thrice
