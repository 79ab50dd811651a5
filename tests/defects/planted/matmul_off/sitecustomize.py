"""Matrix products are off by one percent."""

import torch

exact = torch.matmul
torch.matmul = lambda left, right: exact(left, right) * 1.01
