"""Gradients in fp32 are sent as fp16."""

import torch
import torch.distributed
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks
from torch.nn.parallel import DistributedDataParallel

exact = DistributedDataParallel.__init__


def compressed(
    group: object, bucket: torch.distributed.GradBucket
) -> torch.futures.Future[torch.Tensor]:
    single = bucket.buffer().dtype == torch.float32
    hook = default_hooks.fp16_compress_hook if single else default_hooks.allreduce_hook
    return hook(group, bucket)


def init(self: DistributedDataParallel, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **named)
    self.register_comm_hook(None, compressed)


DistributedDataParallel.__init__ = init
