"""Ranks keep buffers of their own."""

import torch
from torch.nn.parallel import DistributedDataParallel

exact = DistributedDataParallel.__init__


def init(self: DistributedDataParallel, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **{**named, "broadcast_buffers": False})


torch.nn.parallel.DistributedDataParallel.__init__ = init
