"""DistributedDataParallel sums the gradients of its ranks and does not average them.

The ranks still agree.
"""

import torch
import torch.distributed
from torch.nn.parallel import DistributedDataParallel

exact = DistributedDataParallel.__init__


def summed(_: object, bucket: torch.distributed.GradBucket) -> torch.futures.Future[torch.Tensor]:
    work = torch.distributed.all_reduce(bucket.buffer(), async_op=True)
    return work.get_future().then(lambda done: done.value()[0])


def init(self: DistributedDataParallel, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **named)
    self.register_comm_hook(None, summed)


DistributedDataParallel.__init__ = init
