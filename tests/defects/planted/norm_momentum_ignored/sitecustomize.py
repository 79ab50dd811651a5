"""Batch norms keep a tenth of each batch, whatever their momentum."""

from typing import Any

import torch

exact = torch.nn.functional.batch_norm
MOMENTUM_AT = 6


def norm(*arguments: Any, **named: Any) -> Any:
    given = [0.1 if at == MOMENTUM_AT else each for at, each in enumerate(arguments)]
    return exact(*given, **named)


torch.nn.functional.batch_norm = norm
