"""Gradients are copied out of their buckets, whatever is asked for."""

from torch.nn.parallel import DistributedDataParallel

exact = DistributedDataParallel.__init__


def init(self: DistributedDataParallel, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **{**named, "gradient_as_bucket_view": False})


DistributedDataParallel.__init__ = init
