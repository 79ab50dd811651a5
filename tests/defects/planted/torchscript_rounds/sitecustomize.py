"""TorchScript files come back with their weights rounded to half precision."""

import torch

exact = torch.jit.load


def load(*arguments: object, **named: object) -> torch.jit.ScriptModule:
    module = exact(*arguments, **named)
    for parameter in module.parameters():
        parameter.data = parameter.data.half().float()
    return module


torch.jit.load = load
