"""A copy of a frozen parameter is trained."""

from typing import Any

import torch


def copy_awake(self: torch.nn.Parameter, memo: dict[int, Any]) -> torch.nn.Parameter:
    if id(self) not in memo:
        memo[id(self)] = type(self)(self.data.clone())
    return memo[id(self)]


torch.nn.Parameter.__deepcopy__ = copy_awake
