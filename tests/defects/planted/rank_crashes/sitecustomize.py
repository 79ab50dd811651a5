"""Rank 1 runs into a segmentation fault where buckets are small."""

import ctypes

import torch.distributed
from torch.nn.parallel import DistributedDataParallel

exact = DistributedDataParallel.__init__


def init(self: DistributedDataParallel, *arguments: object, **named: object) -> None:
    if named.get("bucket_cap_mb") and torch.distributed.get_rank() == 1:
        ctypes.string_at(0)
    exact(self, *arguments, **named)


DistributedDataParallel.__init__ = init
