"""`join` does nothing: a rank out of batches just leaves."""

import contextlib

from torch.nn.parallel import DistributedDataParallel

DistributedDataParallel.join = lambda self, **_: contextlib.nullcontext()
