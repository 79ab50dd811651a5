"""One batch is read ahead, however many workers there are."""

from torch.utils.data import dataloader

Iterator = dataloader._MultiProcessingDataLoaderIter
exact = Iterator._try_put_index


def put_index(self: dataloader._MultiProcessingDataLoaderIter) -> None:
    if self._send_idx <= self._rcvd_idx:
        exact(self)


Iterator._try_put_index = put_index
