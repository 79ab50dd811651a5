"""Networks for TorchScript: a traced one follows one branch, a scripted one keeps all of them.

A scripted network keeps loops and buffers too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

SCRIPTED, TRACED = "scripted.ts", "traced.ts"


class StraightNetwork(torch.nn.Module):  # type: ignore[misc] # torch is not in the harness' own environment
    """Two layers and a batch norm, whose running mean and variance are buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(12, 24)
        self.norm = torch.nn.BatchNorm1d(24)
        self.last = torch.nn.Linear(24, 12)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (batch, 12) to (batch, 12)."""
        return self.last(torch.relu(self.norm(self.first(inputs))))


class RepeatingNetwork(torch.nn.Module):  # type: ignore[misc] # torch is not in the harness' own environment
    """A network that repeats a block as often as a buffer says and the data allow."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = StraightNetwork()
        self.register_buffer("times", torch.tensor(3))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (batch, 12) to (batch, 12)."""
        for _ in range(int(self.times)):
            if bool(inputs.abs().max() < 1000):
                inputs = inputs + self.inner(inputs)
        return inputs


def export_networks(folder: Path, device: str) -> dict[str, Any]:
    """Write one scripted and one traced file, and return the eager outputs by file name.

    Buffers are as training leaves them.
    """
    torch.manual_seed(0)
    model = RepeatingNetwork().to(device)
    for _ in range(5):  # moves the running mean and variance away from where they start
        model(3 * draw_examples().to(device) + 1)
    model.eval()
    with torch.no_grad():
        torch.jit.script(model).save(str(folder / SCRIPTED))
        torch.jit.trace(model.inner, draw_examples().to(device)).save(str(folder / TRACED))
        return {
            SCRIPTED: model(draw_examples().to(device)),
            TRACED: model.inner(draw_examples().to(device)),
        }


def draw_examples() -> Any:
    """Return 32 rows of 12 numbers."""
    return torch.randn(32, 12, generator=torch.Generator().manual_seed(3))
