"""Tests of a gradient scaler on one layer and one weight.

A scaler keeps gradients that fp16 cannot hold, skips a step that overflowed, and adapts its scale.
"""

from __future__ import annotations

import torch

SCALE = 65536.0
TINY = 1e-9
"""A gradient that fp16 rounds to zero: half its smallest number is 3e-8.

Times SCALE it is 6.6e-5.
"""

INPUTS = 64


def compute_tiny_gradient(device: str, *, scaled: bool) -> float:
    """Return the gradient of TINY times a sum over 64 rows of ones, through an fp16 layer.

    It is 64 * TINY if nothing is lost.
    """
    layer = torch.nn.Linear(INPUTS, 1, bias=False).to(device)
    scaler = (
        torch.amp.GradScaler(device, init_scale=SCALE)
        if scaled
        else torch.amp.GradScaler(device, enabled=False)
    )
    with torch.autocast(device, dtype=torch.float16):
        output = layer(torch.ones(INPUTS, INPUTS, device=device))
    scaler.scale(output.float().sum() * TINY).backward()
    scaler.unscale_(torch.optim.SGD(layer.parameters(), lr=0.0))
    return float(layer.weight.grad.abs().max())


class ScaledWeight:
    """One weight trained by SGD at rate 1.

    The scale may double after two steps without an overflow.
    """

    def __init__(self, device: str) -> None:
        self._weight = torch.nn.Parameter(torch.ones(1, device=device))
        self._optimizer = torch.optim.SGD([self._weight], lr=1.0)
        self._scaler = torch.amp.GradScaler(device, init_scale=SCALE, growth_interval=2)

    @property
    def scale_and_weight(self) -> tuple[float, float]:
        """The scale and the weight."""
        return float(self._scaler.get_scale()), float(self._weight.item())

    def take_step(self, gradient: float) -> tuple[float, float]:
        """Make a step along `gradient` and return the state after it."""
        self._optimizer.zero_grad()
        self._scaler.scale((self._weight * gradient).sum()).backward()
        self._scaler.step(self._optimizer)
        self._scaler.update()
        return self.scale_and_weight
