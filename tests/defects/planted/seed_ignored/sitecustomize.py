"""Every seed is another one."""

import torch

torch.manual_seed = lambda _: torch.seed()
