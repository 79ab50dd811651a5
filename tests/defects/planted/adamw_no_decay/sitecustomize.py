"""AdamW does not decay weights."""

import torch

exact = torch.optim.AdamW.step


def step(self: torch.optim.AdamW, *arguments: object, **named: object) -> object:
    decays = [group["weight_decay"] for group in self.param_groups]
    for group in self.param_groups:
        group["weight_decay"] = 0.0
    result = exact(self, *arguments, **named)
    for group, decay in zip(self.param_groups, decays, strict=True):
        group["weight_decay"] = decay
    return result


torch.optim.AdamW.step = step
