"""Collective calls of a new group wait half an hour, whatever is asked for."""

import torch.distributed

exact = torch.distributed.new_group
torch.distributed.new_group = lambda *arguments, **named: exact(
    *arguments, **{**named, "timeout": None}
)
