"""Every epoch starts its workers again."""

import torch.utils.data

exact = torch.utils.data.DataLoader.__init__


def init(self: torch.utils.data.DataLoader, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **{**named, "persistent_workers": False})


torch.utils.data.DataLoader.__init__ = init
