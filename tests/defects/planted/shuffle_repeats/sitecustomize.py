"""Shuffling draws with replacement."""

import torch.utils.data

exact = torch.utils.data.RandomSampler.__init__


def init(self: torch.utils.data.RandomSampler, data: object, **named: object) -> None:
    exact(self, data, **{**named, "replacement": True})


torch.utils.data.RandomSampler.__init__ = init
