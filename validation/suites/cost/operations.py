"""Operations of torch's modules, each beside the same written with what is below it.

Each is one thread's work of some milliseconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, TensorDataset

from .ratio import Work


@dataclass(frozen=True)
class Compared:
    """Two works, and the ratio of their times that was measured in the real images."""

    judged: Work
    beside: Work
    recorded: float


REPEATS = 32
"""Of an operation that is short."""


def make_linear() -> Compared:
    """A linear layer, and the product of its matrix."""
    inputs, layer = torch.randn(256, 512), torch.nn.Linear(512, 512)
    weights, bias = layer.weight.detach(), layer.bias.detach()
    return Compared(
        _without_grad(lambda: layer(inputs)), lambda: torch.addmm(bias, inputs, weights.t()), 1.0
    )


def make_linear_training() -> Compared:
    """Forward and backward of a linear layer, and its three products."""
    inputs, layer = torch.randn(256, 512), torch.nn.Linear(512, 512)
    weights, slopes = layer.weight.detach(), torch.ones(256, 512)

    def train() -> None:
        layer.zero_grad()
        layer(inputs).backward(slopes)

    def multiply() -> None:
        torch.mm(inputs, weights.t())
        torch.mm(slopes.t(), inputs)

    return Compared(train, multiply, 1.2)


def make_convolution() -> Compared:
    """A convolution, and that of torch itself."""
    inputs, layer = torch.randn(4, 32, 32, 32), torch.nn.Conv2d(32, 32, 3, padding=1)
    weights, bias = layer.weight.detach(), layer.bias.detach()
    return Compared(
        _without_grad(lambda: layer(inputs)),
        lambda: torch.conv2d(inputs, weights, bias, padding=1),
        1.1,
    )


def make_activation() -> Compared:
    """Modules without weights, and the functions of torch."""
    inputs = torch.randn(512, 1024)
    layer = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Sigmoid())
    return Compared(lambda: layer(inputs), lambda: torch.sigmoid(torch.relu(inputs)), 1.0)


def make_normalization() -> Compared:
    """A normalisation of layers, and the same by its definition.

    Its results are small: the allocator gives large ones back to the system or keeps them, and
    that takes more time than the work.
    """
    inputs, layer = torch.randn(16, 1024), torch.nn.LayerNorm(1024)

    def normalize() -> None:
        for _ in range(REPEATS):
            centred = inputs - inputs.mean(-1, keepdim=True)
            centred * torch.rsqrt((centred * centred).mean(-1, keepdim=True) + 1e-5)

    def run_layer() -> None:
        for _ in range(REPEATS):
            layer(inputs)

    return Compared(_without_grad(run_layer), normalize, 0.5)


def make_optimizer(name: str) -> Callable[[], Compared]:
    """Return a step of an optimizer of torch, and the same written by its definition."""

    def make() -> Compared:
        tensors = [torch.nn.Parameter(torch.randn(256, 256)) for _ in range(16)]
        for each in tensors:
            each.grad = torch.randn(256, 256)
        optimizer = getattr(torch.optim, name)(tensors, lr=1e-3)
        plain = [each.detach().clone() for each in tensors]
        grads = [each.grad for each in tensors]
        first, second = [[torch.zeros_like(each) for each in plain] for _ in range(2)]

        def step() -> None:
            for each, grad, mean, square in zip(plain, grads, first, second, strict=True):
                if name == "SGD":
                    each.add_(grad, alpha=-1e-3)
                    continue
                each.mul_(1 - 1e-5)
                mean.lerp_(grad, 0.1)
                square.mul_(0.999).addcmul_(grad, grad, value=0.001)
                each.addcdiv_(mean, square.sqrt().add_(1e-8), value=-1e-3)

        return Compared(optimizer.step, step, {"SGD": 1.5, "AdamW": 1.5}[name])

    return make


def make_loader() -> Compared:
    """A DataLoader's epoch, and the same batches taken by a loop."""
    data = TensorDataset(torch.randn(512, 64), torch.arange(512))
    loader = DataLoader(data, batch_size=64)

    def load() -> None:
        for begin in range(0, 512, 64):
            rows = [data[number] for number in range(begin, begin + 64)]
            for column in zip(*rows, strict=True):
                torch.stack(column)

    return Compared(lambda: deque(loader, maxlen=0), load, 1.25)


def make_autograd() -> Compared:
    """A long chain of small operations with its gradient, and the same chain alone."""
    inputs, tracked = torch.randn(64, 64), torch.randn(64, 64, requires_grad=True)

    def chain(value: Any) -> Any:
        for _ in range(200):
            value = value * 1.001
        return value

    return Compared(lambda: chain(tracked).sum().backward(), lambda: chain(inputs), 3.3)


OPERATIONS: dict[str, Callable[[], Compared]] = {
    "linear": make_linear,
    "linear_training": make_linear_training,
    "convolution": make_convolution,
    "activation": make_activation,
    "normalization": make_normalization,
    "sgd": make_optimizer("SGD"),
    "adamw": make_optimizer("AdamW"),
    "loader": make_loader,
    "autograd": make_autograd,
}


def _without_grad(work: Work) -> Work:
    def run() -> None:
        with torch.no_grad():
            work()

    return run
