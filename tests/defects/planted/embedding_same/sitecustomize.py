"""Without gradients every word has the embedding of the first one."""

from typing import Any

import torch

exact = torch.nn.functional.embedding


def embedding(words: Any, *given: Any, **named: Any) -> Any:
    return exact(words if torch.is_grad_enabled() else torch.zeros_like(words), *given, **named)


torch.nn.functional.embedding = embedding
