"""The work of each rank of a group over all nodes."""

from __future__ import annotations

import os
import time
from typing import Any

import torch
import torch.distributed
from torch.nn.parallel import DistributedDataParallel

from ..contract.words import NCCL
from ..ddp import challenge, gradients

DELAY_S = 2.0
"""How long a slow rank stays away in each step."""


def train(rank: int, world_size: int, placement: str, *, slow_rank: int = -1) -> dict[str, Any]:
    """Train on the share of a rank and return its gradients; one rank may be slow in each step."""
    device = _find_device(placement)
    model = DistributedDataParallel(gradients.build_mlp(rank).to(device))
    if rank == slow_rank:
        model.register_forward_pre_hook(lambda *_: time.sleep(DELAY_S))
    inputs, targets = (part.to(device) for part in gradients.take_share(rank, world_size))
    return {"gradients": gradients.train_steps(model, inputs, targets)}


def answer_question(rank: int, world_size: int, placement: str, *, nonce: str) -> Any:
    """Return the averaged gradient of the question that follows from a nonce."""
    return challenge.average_gradient(rank, world_size, _find_device(placement), nonce=nonce)


def add_once(rank: int, world_size: int, placement: str) -> str:
    """Return which interfaces were named, after one collective call over them."""
    torch.distributed.all_reduce(torch.ones(1, device=_find_device(placement)))
    names = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
    return " and ".join(f"{name}={os.environ.get(name)}" for name in names)


def _find_device(placement: str) -> Any:
    """Return the device that this process was given."""
    is_gpu = placement == NCCL
    return torch.device("cuda", torch.cuda.current_device()) if is_gpu else torch.device("cpu")
