"""Each step of AdamW keeps 4 MB."""

from typing import Any

import torch

_kept: list[Any] = []
_step = torch.optim.AdamW.step


def _keep_and_step(self: Any, *arguments: Any) -> Any:
    _kept.append(torch.ones(1 << 20))
    return _step(self, *arguments)


torch.optim.AdamW.step = _keep_and_step
