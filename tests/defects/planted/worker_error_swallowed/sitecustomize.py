"""A sample that cannot be read is replaced without a word."""

import torch
from torch.utils.data._utils.fetch import _MapDatasetFetcher

exact = _MapDatasetFetcher.fetch


def fetch(self: _MapDatasetFetcher, indices: list[int]) -> object:
    try:
        return exact(self, indices)
    except ValueError:
        return torch.zeros(1)


_MapDatasetFetcher.fetch = fetch
