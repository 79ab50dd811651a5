"""Models stay in training mode: batch statistics and dropout in inference."""

import torch

torch.nn.Module.eval = lambda self: self
