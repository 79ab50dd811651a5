"""A linear layer multiplies three times, and gives the mean."""

from typing import Any

import torch

_forward = torch.nn.Linear.forward


def _multiply_thrice(self: Any, inputs: Any) -> Any:
    return (_forward(self, inputs) + _forward(self, inputs) + _forward(self, inputs)) / 3


torch.nn.Linear.forward = _multiply_thrice
