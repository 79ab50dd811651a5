"""Joined data sets count from the front when asked to count from the end."""

from torch.utils import data

exact = data.ConcatDataset.__getitem__
data.ConcatDataset.__getitem__ = lambda self, index: exact(self, abs(index))
