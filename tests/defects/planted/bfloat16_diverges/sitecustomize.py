"""Layers in bfloat16 are off by a few tenths, each element by its own."""

from typing import Any

import torch


def off(_layer: torch.nn.Module, _inputs: object, output: Any) -> Any:
    noisy = torch.is_tensor(output) and output.dtype is torch.bfloat16
    return output * (1 + 0.3 * torch.randn_like(output)) if noisy else output


torch.nn.modules.module.register_module_forward_hook(off)
