"""Checkpoints are unpickled without restriction, as torch did before 2.6."""

import torch

exact = torch.load
torch.load = lambda *arguments, **named: exact(*arguments, **{**named, "weights_only": False})
