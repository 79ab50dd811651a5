"""SGD never looks ahead."""

import torch

exact = torch.optim.SGD.step


def step(self: torch.optim.SGD, *arguments: object, **named: object) -> object:
    for group in self.param_groups:
        group["nesterov"] = False
    return exact(self, *arguments, **named)


torch.optim.SGD.step = step
