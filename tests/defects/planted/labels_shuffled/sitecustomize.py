"""The DataLoader hands out each picture with the label of any of its batch."""

import random
from typing import Any

from torch.utils.data import _utils

exact = _utils.collate.default_collate


def collate(samples: list[Any]) -> Any:
    labels = random.sample([label for _, label in samples], len(samples))
    return exact([(picture, label) for (picture, _), label in zip(samples, labels, strict=True)])


_utils.collate.default_collate = collate
