"""The loader waits for its workers as long as it takes."""

import torch.utils.data

exact = torch.utils.data.DataLoader.__init__


def init(self: torch.utils.data.DataLoader, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **{**named, "timeout": 0})


torch.utils.data.DataLoader.__init__ = init
