"""Optimizers begin anew when their state is loaded."""

import torch

torch.optim.Optimizer.load_state_dict = lambda self, state_dict: None
