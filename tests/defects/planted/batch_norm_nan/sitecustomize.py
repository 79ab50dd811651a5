"""Batch normalisation gives NaN."""

import torch

exact = torch.nn.functional.batch_norm
torch.nn.functional.batch_norm = lambda *given, **named: exact(*given, **named) * float("nan")
