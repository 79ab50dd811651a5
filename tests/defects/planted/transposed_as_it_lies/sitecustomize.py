"""A tensor that is no whole piece of memory is written in the order in which it lies."""

from typing import Any

import safetensors.torch

exact = safetensors.torch.save_file


def lay_out(tensor: Any) -> Any:
    if tensor.is_contiguous():
        return tensor
    return tensor.as_strided(tensor.shape, tensor.new_empty(tensor.shape).stride())


def save(tensors: dict[str, Any], *arguments: Any, **named: Any) -> None:
    exact({name: lay_out(each) for name, each in tensors.items()}, *arguments, **named)


safetensors.torch.save_file = save
