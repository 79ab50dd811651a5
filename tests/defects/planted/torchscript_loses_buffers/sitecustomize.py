"""TorchScript files are loaded with empty buffers, as if only parameters had been written."""

import torch

exact = torch.jit.load


def load(*arguments: object, **named: object) -> torch.jit.ScriptModule:
    module = exact(*arguments, **named)
    for buffer in module.buffers():
        buffer.zero_()
    return module


torch.jit.load = load
