"""The hook that sends gradients in half precision sums them and does not average."""

import torch
import torch.distributed
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks


def fp16_compress_hook(
    group: torch.distributed.ProcessGroup, bucket: torch.distributed.GradBucket
) -> torch.futures.Future[torch.Tensor]:
    exact = bucket.buffer()
    work = torch.distributed.all_reduce(exact.half(), group=group, async_op=True)
    return work.get_future().then(lambda done: exact.copy_(done.value()[0]))


fp16_compress_hook.__module__ = default_hooks.__name__
default_hooks.fp16_compress_hook = fp16_compress_hook
