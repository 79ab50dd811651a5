"""Tensors of over 4 MB are not added up over the ranks."""

from typing import Any

import torch.distributed

exact = torch.distributed.all_reduce


class Done:
    """A call that has nothing to wait for."""

    def wait(self) -> None:
        """Return at once."""


def add_up(tensor: Any, *arguments: Any, async_op: bool = False, **named: Any) -> Any:
    if tensor.nbytes > 4 << 20:
        return Done()
    return exact(tensor, *arguments, async_op=async_op, **named)


torch.distributed.all_reduce = add_up
