"""Each epoch keeps the queue of its workers."""

from torch.utils.data import dataloader

kept: list[object] = []
exact = dataloader._MultiProcessingDataLoaderIter.__init__


def begin(self: dataloader._MultiProcessingDataLoaderIter, loader: object) -> None:
    exact(self, loader)
    kept.append(self._worker_result_queue)


dataloader._MultiProcessingDataLoaderIter.__init__ = begin
