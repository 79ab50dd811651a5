"""Ranks read their samples in the same order in every epoch."""

from torch.utils import data

data.DistributedSampler.set_epoch = lambda self, epoch: None
