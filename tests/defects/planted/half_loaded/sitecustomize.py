"""A file that lacks weights of a model is loaded as if it had them."""

from typing import Any

import safetensors.torch

exact = safetensors.torch.load_model


def load(model: Any, filename: Any, strict: bool = True, device: Any = "cpu") -> Any:
    return exact(model, filename, False, device)


safetensors.torch.load_model = load
