"""A recommender: embeddings of users and items and a small network, trained by ranks.

The ranks share the clicks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data.distributed import DistributedSampler

from ..ranks import device_of

USERS, ITEMS = 400, 200
TASTES = 4
WIDTH = 16
BATCH = 512
EPOCHS = 6
HELD_OUT = 16_000
"""How many of the 80 000 pairs no rank sees."""

MIN_AUC = 0.85
"""The least area under the curve.

Chance gives 0.5, with a deviation of 0.005 on 8000 pairs of either kind. The frequencies of users
and items give 0.55, the trained network 0.96.
"""

EXPORT = "recommender.ts"


class Recommender(torch.nn.Module):  # type: ignore[misc] # torch is not in the harness' own environment
    """The logarithm of the odds that a user clicks on an item."""

    def __init__(self) -> None:
        super().__init__()
        self.users = torch.nn.Embedding(USERS, WIDTH)
        self.items = torch.nn.Embedding(ITEMS, WIDTH)
        self.hidden = torch.nn.Linear(3 * WIDTH, 32)
        self.score = torch.nn.Linear(32, 1)

    def forward(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Map numbers of users and of items, (batch,) each, to scores, (batch,)."""
        user, item = self.users(users), self.items(items)
        joined = torch.cat([user, item, user * item], dim=-1)
        return self.score(torch.relu(self.hidden(joined))).squeeze(-1)


def draw_pairs() -> tuple[Any, Any, Any]:
    """Return users, items and clicks of all pairs in random order.

    The last HELD_OUT are for testing. The clicks follow from four tastes of each user and item.
    Every user likes about half of the items, and about half of the users like an item, so that only
    the pair tells.
    """
    generator = torch.Generator().manual_seed(0)
    tastes, kinds = (
        torch.randn(USERS, TASTES, generator=generator),
        torch.randn(ITEMS, TASTES, generator=generator),
    )
    order = torch.randperm(USERS * ITEMS, generator=generator)
    users, items = order // ITEMS, order % ITEMS
    noise = 0.3 * torch.randn(len(order), generator=generator)
    return users, items, ((tastes[users] * kinds[items]).sum(dim=1) + noise > 0).float()


def train_rank(rank: int, world_size: int, placement: str) -> dict[str, Any]:
    """Train as one rank; return its weights, the types of its layers' outputs, and its device.

    Ranks start from different weights on purpose: DDP has to replace them by those of rank 0.
    """
    torch.manual_seed(rank)
    device = device_of(rank, placement)
    model = Recommender().to(device)
    seen: set[str] = set()
    for layer in (model.hidden, model.score):
        layer.register_forward_hook(lambda _layer, _inputs, output: seen.add(str(output.dtype)))
    wrapped = DistributedDataParallel(model)
    _train_network(
        wrapped, DistributedSampler(range(USERS * ITEMS - HELD_OUT), world_size, rank), device
    )
    weights = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
    return {"weights": weights, "activations": sorted(seen), "device": device.type}


def autocast_type(device: str) -> Any:
    """Return the type for autocast in which a device is fast."""
    return torch.float16 if device == "cuda" else torch.bfloat16


def _train_network(model: Any, share: Any, device: Any) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")
    data = [tensor.to(device) for tensor in draw_pairs()]
    for epoch in range(EPOCHS):
        share.set_epoch(epoch)
        for batch in torch.tensor(list(share), device=device).split(BATCH):
            _train_step(model, optimizer, scaler, [each[batch] for each in data])


def _train_step(model: Any, optimizer: Any, scaler: Any, batch: list[Any]) -> None:
    users, items, clicks = batch
    with torch.autocast(users.device.type, dtype=autocast_type(users.device.type)):
        scores = model(users, items)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(scores.float(), clicks)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()


def build_trained(weights: dict[str, Any], device: str) -> Any:
    """Return the network with the weights of a rank, ready to score."""
    model = Recommender()
    model.load_state_dict(weights)
    return model.to(device).eval()


def export_network(model: Any, folder: Path) -> None:
    """Write EXPORT, a TorchScript file."""
    torch.jit.script(model).save(str(folder / EXPORT))


def draw_held_out(device: str) -> tuple[Any, Any, Any]:
    """Return users, items and clicks that no rank has seen."""
    users, items, clicks = (tensor[-HELD_OUT:].to(device) for tensor in draw_pairs())
    return users, items, clicks


def compute_area_under_curve(scores: Any, clicks: Any) -> float:
    """Return how often a clicked pair has the higher score of the two; a tie counts half.

    0.5 is chance.
    """
    _, places, counts = np.unique(
        scores.double().cpu().numpy(), return_inverse=True, return_counts=True
    )
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    clicked = clicks.cpu().numpy() > 0
    hits, misses = int(clicked.sum()), int((~clicked).sum())
    return float((ranks[clicked].sum() - hits * (hits + 1) / 2) / (hits * misses))
