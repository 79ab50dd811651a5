"""Programs with PyTorch."""

from __future__ import annotations

import copy
from typing import Any

import torch

from .. import pool
from .families import Family, find_in, list_kinds_of

NET_STEPS = 3


def train_with(name: str, **options: Any) -> Any:
    """Return weights and state after some steps of an optimizer, the last after loading it."""
    net = pool.make_value("$net")
    inputs = pool.make_value("$x")
    kind = getattr(torch.optim, name)
    options = {"lr": 0.05, **options}
    optimizer = kind(net.parameters(), **options)

    def compute_loss() -> Any:
        optimizer.zero_grad()
        loss = net(inputs).square().sum()
        loss.backward()
        return loss

    for step in range(NET_STEPS):
        if step == NET_STEPS - 1:
            state = copy.deepcopy(optimizer.state_dict())
            optimizer = kind(net.parameters(), **options)
            optimizer.load_state_dict(state)
        optimizer.step(compute_loss)
    return [parameter.detach() for parameter in net.parameters()], optimizer.state_dict()


def follow(name: str, *values: Any, **options: Any) -> Any:
    """Return the learning rates of a schedule, and those after it was loaded at each step."""
    kind = getattr(torch.optim.lr_scheduler, name)

    def begin() -> tuple[Any, Any]:
        optimizer = pool.make_value("$optimizer")
        return optimizer, kind(optimizer, *values, **options)

    def advance(optimizer: Any, schedule: Any) -> list[float]:
        optimizer.step()
        schedule.step(*([0.5] if name == "ReduceLROnPlateau" else []))
        return [group["lr"] for group in optimizer.param_groups]

    optimizer, schedule = begin()
    rates: list[Any] = []
    for _ in range(8):
        saved = copy.deepcopy((optimizer.state_dict(), schedule.state_dict()))
        other, loaded = begin()
        other.load_state_dict(saved[0])
        loaded.load_state_dict(saved[1])
        rates.append([advance(other, loaded), advance(optimizer, schedule)])
    return rates


FAMILIES = (
    Family(train_with, list_kinds_of("torch.optim", "Optimizer"), find_in("torch.optim"), 1),
    Family(
        follow,
        list_kinds_of("torch.optim.lr_scheduler", "LRScheduler"),
        find_in("torch.optim.lr_scheduler"),
        1,
    ),
)
