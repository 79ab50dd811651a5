"""Buffers that ranks share, and batch norms that see the batches of all ranks."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel

from ..ranks import device_of

ROWS = 8
EPS, MOMENTUM = 0.01, 0.3


class _Counted(torch.nn.Module):  # type: ignore[misc, unused-ignore] # torch is not in the harness' own environment
    """A layer with a buffer that its rank changes."""

    def __init__(self, rank: int) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(2, 2)
        self.register_buffer("seen", torch.full((3,), float(rank)))

    def forward(self, values: Any) -> Any:
        return self.linear(values) + self.seen[0]


def share_buffers(rank: int, world: int, placement: str) -> dict[str, list[float]]:
    """Return the buffer of this rank once it is wrapped, and in the next pass once it differs."""
    device, label = device_of(rank, placement), {}
    values = torch.ones(1, 2, device=device)
    for share in (True, False):
        model = DistributedDataParallel(_Counted(rank + 3).to(device), broadcast_buffers=share)
        model(values).sum().backward()
        label[f"wrapped, broadcast_buffers={share}"] = model.module.seen.tolist()
        model.module.seen.fill_(float(rank + 7))
        model(values).sum().backward()
        label[f"later, broadcast_buffers={share}"] = model.module.seen.tolist()
    return label


def wanted_buffers(rank: int) -> dict[str, list[float]]:
    """Return what `share_buffers` must give."""
    return {
        "wrapped, broadcast_buffers=True": [3.0] * 3,
        "later, broadcast_buffers=True": [7.0] * 3,
        "wrapped, broadcast_buffers=False": [3.0 + rank] * 3,
        "later, broadcast_buffers=False": [7.0 + rank] * 3,
    }


def build_norms() -> Any:
    """Return a network with batch norms at several depths, their weights drawn."""
    generator = torch.Generator().manual_seed(3)
    options = {"eps": EPS, "momentum": MOMENTUM}
    inner = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.BatchNorm1d(4, **options))
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(5, **options), torch.nn.ReLU(), inner).double()
    with torch.no_grad():
        for each in model.parameters():
            each.copy_(torch.randn(each.shape, generator=generator, dtype=torch.float64))
    return model


def find_conversion_faults() -> list[str]:
    """Return how a network whose batch norms are converted is not the same with shared ones."""
    plain = build_norms()
    model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(build_norms())
    norms = [each for each in model.modules() if isinstance(each, torch.nn.SyncBatchNorm)]
    left = [each for each in model.modules() if isinstance(each, torch.nn.BatchNorm1d)]
    faults = []
    if len(norms) != 2 or left:
        faults.append(f"{len(norms)} of 2 batch norms were converted")
    if any((each.eps, each.momentum) != (EPS, MOMENTUM) for each in norms):
        faults.append("a converted batch norm has another eps or momentum")
    own, other = plain.state_dict(), model.state_dict()
    if own.keys() != other.keys() or not all(torch.equal(own[name], other[name]) for name in own):
        faults.append("a converted network has other weights")
    return faults


def train_shared_norms(rank: int, world: int, placement: str) -> dict[str, Any]:
    """Return gradients and statistics of a pass over this rank's share; needs a GPU."""
    device = device_of(rank, placement)
    model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(build_norms()).to(device)
    wrapped = DistributedDataParallel(model)
    values = draw_rows(world)[rank * ROWS : (rank + 1) * ROWS].to(device)
    (wrapped(values) ** 2).mean().backward()
    return _collect(model)


def train_whole_norms(world: int) -> dict[str, Any]:
    """Return the same of one process and all rows."""
    model = build_norms()
    (model(draw_rows(world)) ** 2).mean().backward()
    return _collect(model)


def draw_rows(world: int) -> Any:
    """Return the rows of all ranks, fp64."""
    generator = torch.Generator().manual_seed(4)
    return torch.randn(world * ROWS, 5, generator=generator, dtype=torch.float64)


def _collect(model: Any) -> dict[str, Any]:
    gradients = {f"gradient of {name}": each.grad for name, each in model.named_parameters()}
    return {name: each.cpu() for name, each in {**gradients, **dict(model.named_buffers())}.items()}
