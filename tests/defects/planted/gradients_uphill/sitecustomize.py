"""Gradients have the wrong sign."""

import torch

exact = torch.Tensor.backward
torch.Tensor.backward = lambda self, *given, **named: exact(-self, *given, **named)
