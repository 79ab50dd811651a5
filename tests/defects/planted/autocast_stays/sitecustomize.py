"""Autocast stays on in an inner block that switches it off."""

import torch

exact = torch.autocast.__enter__


def enter(self: torch.autocast) -> object:
    self._enabled = self._enabled or torch.is_autocast_enabled(self.device)
    return exact(self)


torch.autocast.__enter__ = enter
