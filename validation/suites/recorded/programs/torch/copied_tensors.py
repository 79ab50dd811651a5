"""Tell tensors with what a copy of them may lose."""

from __future__ import annotations

from typing import Any

import torch


def describe_copy(tensor: Any) -> Any:
    """Return a tensor with what a copy of it may lose."""
    if not isinstance(tensor, torch.Tensor):
        return tensor
    results = [type(tensor).__name__, str(tensor.dtype), tensor.requires_grad, tensor.is_leaf]
    strides = tensor.stride() if tensor.layout == torch.strided else str(tensor.layout)
    plain = tensor.detach()
    plain = plain if tensor.layout == torch.strided else plain.to_dense()
    return [*results, strides, plain, tensor.grad if tensor.is_leaf else None]
