"""The same small training in fp32 and under autocast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from ..one_thread import one_thread

STEPS = 60
LAST = 10
ROUNDOFF = {torch.float16: 2.0**-11, torch.bfloat16: 2.0**-8}
ROUNDINGS = 7
"""How many roundings there are in one pass through the network.

Input, weights and output of the convolution, weights and output of both other layers.
"""

SCALE = 1024.0
"""The initial loss scale: far from overflow, so that no step is skipped and curves are comparable.
"""


@dataclass(frozen=True)
class TrainingCurve:
    """The error of each step of a training, and the types of what its layers gave.

    `residuals` are root mean square errors, with targets of unit variance. `activations` are the
    types of the outputs of each layer.
    """

    residuals: tuple[float, ...]
    activations: frozenset[Any]

    @property
    def final_residual(self) -> float:
        """The mean of the last ten steps."""
        return sum(self.residuals[-LAST:]) / LAST


def allowed_distance(dtype: Any) -> float:
    """Return how far apart two curves may end.

    It is how much the roundings on the way can move outputs of unit size, at most.
    """
    return ROUNDINGS * ROUNDOFF[dtype]


@one_thread()
def train_network(device: str, dtype: Any) -> TrainingCurve:
    """Train a small convolutional network for 60 steps, under autocast to `dtype`.

    If `dtype` is float32, there is no autocast.
    """
    torch.manual_seed(0)
    model, seen = _build_network().to(device), set()
    generator = torch.Generator().manual_seed(1)  # 128 pictures, and four smooth functions of each
    pictures = torch.randn(128, 3, 12, 12, generator=generator)
    targets = torch.tanh(pictures.flatten(1) @ torch.randn(432, 4, generator=generator) / 432**0.5)
    data = (pictures.to(device), (targets / targets.std()).to(device))
    for layer in model:
        layer.register_forward_hook(lambda _layer, _inputs, output: seen.add(output.dtype))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scaler = torch.amp.GradScaler(device, init_scale=SCALE, enabled=dtype is torch.float16)
    with torch.backends.cudnn.flags(
        enabled=True, allow_tf32=False
    ):  # TF32 is as coarse as the fp16 compared with it
        residuals = tuple(_train_step(model, optimizer, scaler, data, dtype) for _ in range(STEPS))
    return TrainingCurve(residuals, frozenset(seen))


def _train_step(
    model: Any, optimizer: Any, scaler: Any, data: tuple[Any, Any], dtype: Any
) -> float:
    inputs, targets = data
    with torch.autocast(inputs.device.type, dtype=dtype, enabled=dtype is not torch.float32):
        outputs = model(inputs)
    loss = torch.nn.functional.mse_loss(outputs.float(), targets)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    return math.sqrt(loss.item())


def _build_network() -> Any:
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 3, stride=2),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(16 * 5 * 5, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 4),
    )
