"""Recurrent layers take the first axis as time, whatever they were told."""

import torch

exact = torch.nn.RNNBase.__init__


def init(self: torch.nn.RNNBase, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **named)
    self.batch_first = False


torch.nn.RNNBase.__init__ = init
