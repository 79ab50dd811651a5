"""Every backward pass synchronises, also inside no_sync."""

import contextlib

from torch.nn.parallel import DistributedDataParallel

DistributedDataParallel.no_sync = lambda self: contextlib.nullcontext()
