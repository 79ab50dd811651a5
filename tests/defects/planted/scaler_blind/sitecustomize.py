"""The gradient scaler takes every step, also one along an infinite gradient."""

import torch

torch.amp.GradScaler._maybe_opt_step = lambda self, optimizer, state, *arguments: optimizer.step(
    *arguments
)
