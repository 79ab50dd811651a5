"""Rank 1 never comes to the first collective call of a static graph."""

import time

import torch.distributed
from torch.nn.parallel import DistributedDataParallel

exact = DistributedDataParallel.__init__


def init(self: DistributedDataParallel, *arguments: object, **named: object) -> None:
    if named.get("static_graph") and torch.distributed.get_rank() == 1:
        time.sleep(3600)
    exact(self, *arguments, **named)


DistributedDataParallel.__init__ = init
