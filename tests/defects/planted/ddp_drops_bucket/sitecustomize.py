"""The second bucket of every backward pass comes back as zeros."""

import torch
import torch.distributed
from torch.nn.parallel import DistributedDataParallel

exact = DistributedDataParallel.__init__


def averaged_but_one(
    _: object, bucket: torch.distributed.GradBucket
) -> torch.futures.Future[torch.Tensor]:
    factor = 0 if bucket.index() == 1 else 1 / torch.distributed.get_world_size()
    work = torch.distributed.all_reduce(bucket.buffer().mul_(factor), async_op=True)
    return work.get_future().then(lambda done: done.value()[0])


def init(self: DistributedDataParallel, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **named)
    self.register_comm_hook(None, averaged_but_one)


DistributedDataParallel.__init__ = init
