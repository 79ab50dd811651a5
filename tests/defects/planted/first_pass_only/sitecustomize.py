"""A hook of any of several tensors is called in the first backward pass alone."""

from collections.abc import Callable, Sequence
from typing import Any

from torch.autograd import graph

exact = graph.register_multi_grad_hook


def register_multi_grad_hook(
    tensors: Sequence[Any], fn: Callable[[Any], None], *, mode: str = "all"
) -> Any:
    passes: list[Any] = []

    def call_once(grad: Any) -> None:
        if not passes:
            passes.append(grad)
            fn(grad)

    return exact(tensors, call_once if mode == "any" else fn, mode=mode)


vars(graph).update(register_multi_grad_hook=register_multi_grad_hook)
