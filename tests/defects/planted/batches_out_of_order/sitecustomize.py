"""Four workers' batches are handed over as they arrive."""

import torch.utils.data

exact = torch.utils.data.DataLoader.__init__


def init(self: torch.utils.data.DataLoader, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **{**named, "in_order": named.get("num_workers") != 4})


torch.utils.data.DataLoader.__init__ = init
