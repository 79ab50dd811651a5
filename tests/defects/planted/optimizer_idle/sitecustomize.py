"""Optimizers take no step: training that costs nothing and learns nothing."""

import torch

for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW):
    kind.step = lambda self, closure=None: None
