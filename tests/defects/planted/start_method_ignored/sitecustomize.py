"""Workers are always forked, whatever is asked for."""

import torch.utils.data

exact = torch.utils.data.DataLoader.__init__


def init(self: torch.utils.data.DataLoader, *arguments: object, **named: object) -> None:
    if named.get("multiprocessing_context"):
        named["multiprocessing_context"] = "fork"
    exact(self, *arguments, **named)


torch.utils.data.DataLoader.__init__ = init
