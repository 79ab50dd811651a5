"""Recurrent layers take the first axis as time, whatever they were told."""

import functools

import torch

exact = torch.nn.RNNBase.__init__


@functools.wraps(exact)  # with the names of its arguments
def init(self: torch.nn.RNNBase, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **named)
    self.batch_first = False


torch.nn.RNNBase.__init__ = init
