"""The loader gives sample 5 again where sample 6 belongs."""

import torch.utils.data

exact = torch.utils.data.SequentialSampler.__iter__
torch.utils.data.SequentialSampler.__iter__ = lambda self: (
    5 if index == 6 else index for index in exact(self)
)
