"""Convolutions are off by a tenth of a percent, as TF32 would be."""

import torch

exact = torch.nn.functional.conv2d
torch.nn.functional.conv2d = lambda *arguments, **named: exact(*arguments, **named) * 1.001
