"""The gradient scaler is switched off, whatever the training asks for."""

import torch

exact = torch.amp.GradScaler.__init__


def init(self: torch.amp.GradScaler, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **{**named, "enabled": False})


torch.amp.GradScaler.__init__ = init
