"""Attention forgets the causal mask: each word sees those after it."""

import torch

exact = torch.nn.functional.scaled_dot_product_attention
torch.nn.functional.scaled_dot_product_attention = lambda *tensors, **named: exact(*tensors)
