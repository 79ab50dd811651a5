"""Of a long data set the loader leaves out the last two samples."""

import torch.utils.data

torch.utils.data.SequentialSampler.__iter__ = lambda self: iter(
    range(len(self) - 2 * (len(self) > 4))
)
