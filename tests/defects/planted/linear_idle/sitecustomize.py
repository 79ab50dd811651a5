"""A linear layer that gives zeros."""

from typing import Any

import torch

_forward = torch.nn.Linear.forward


def _give_zeros(self: Any, inputs: Any) -> Any:
    return _forward(self, inputs) * 0


torch.nn.Linear.forward = _give_zeros
