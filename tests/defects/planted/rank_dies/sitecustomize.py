"""Rank 1 is gone without a word where gradients are to be views."""

import os

import torch.distributed
from torch.nn.parallel import DistributedDataParallel

exact = DistributedDataParallel.__init__


def init(self: DistributedDataParallel, *arguments: object, **named: object) -> None:
    if named.get("gradient_as_bucket_view") and torch.distributed.get_rank() == 1:
        os._exit(9)
    exact(self, *arguments, **named)


DistributedDataParallel.__init__ = init
