"""Workers hand over nothing ahead of time: one small batch at most is ever in flight."""

import torch.utils.data

exact = torch.utils.data.DataLoader.__init__


def init(self: torch.utils.data.DataLoader, *arguments: object, **named: object) -> None:
    if named.get("prefetch_factor"):
        named |= {"num_workers": 1, "prefetch_factor": 1}
    exact(self, *arguments, **named)


torch.utils.data.DataLoader.__init__ = init
