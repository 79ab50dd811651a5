"""States that lack weights are loaded without a word."""

import torch

exact = torch.nn.Module.load_state_dict


def load(
    self: torch.nn.Module, state_dict: object, strict: bool = True, assign: bool = False
) -> object:
    return exact(self, state_dict, False, assign)


torch.nn.Module.load_state_dict = load
