"""The last batch is kept, whatever was asked."""

from torch.utils import data

exact = data.BatchSampler.__init__


def init(self: data.BatchSampler, sampler: object, batch_size: int, drop_last: bool) -> None:
    exact(self, sampler, batch_size, False)


data.BatchSampler.__init__ = init
