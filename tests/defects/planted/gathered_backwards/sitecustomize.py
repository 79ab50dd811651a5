"""What all ranks have comes in the opposite order."""

from typing import Any

import torch.distributed

exact = torch.distributed.all_gather


def gather(tensors: list[Any], *arguments: Any, **named: Any) -> Any:
    return exact(tensors[::-1], *arguments, **named)


torch.distributed.all_gather = gather
