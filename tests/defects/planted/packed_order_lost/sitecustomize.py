"""Hidden states of packed sequences stay in the order of their lengths."""

import torch

torch.nn.RNNBase.permute_hidden = lambda _, hidden, __: hidden
