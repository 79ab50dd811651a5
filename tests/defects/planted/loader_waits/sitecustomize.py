"""A DataLoader without workers waits for 50 ms before each batch."""

import time
from typing import Any

from torch.utils.data import dataloader

_next = dataloader._SingleProcessDataLoaderIter._next_data


def _wait_first(self: Any) -> Any:
    time.sleep(0.05)
    return _next(self)


dataloader._SingleProcessDataLoaderIter._next_data = _wait_first
