"""Batches are put together by their types, whatever function was given."""

from torch.utils import data

exact = data.DataLoader.__init__


def init(self: data.DataLoader, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **{**named, "collate_fn": None})


data.DataLoader.__init__ = init
