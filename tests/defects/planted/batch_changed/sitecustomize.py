"""The last value of every batch of numbers is lost on the way."""

import torch
from torch.utils.data._utils import collate

exact = collate.default_collate_fn_map[torch.Tensor]


def collated(*arguments: object, **named: object) -> torch.Tensor:
    batch = exact(*arguments, **named)
    batch.view(-1)[-1] = 0
    return batch


collate.default_collate_fn_map[torch.Tensor] = collated
