"""Every optimizer is kept for ever."""

import torch

exact = torch.optim.Optimizer.__init__
kept: list[torch.optim.Optimizer] = []


def init(self: torch.optim.Optimizer, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **named)
    kept.append(self)


torch.optim.Optimizer.__init__ = init
