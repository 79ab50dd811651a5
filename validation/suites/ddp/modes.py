"""Trainings in each mode of DistributedDataParallel, and the same by one process.

A rank returns `gradients`, those of every step, and a proof that the mode was in force.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from ..ranks import device_of
from . import gradients
from .gradients import ReferenceGradients, Step

SMALL_BUCKET_MB = 0.004
"""The MLP's largest weight is eight times that: it takes several buckets."""

MICRO_BATCHES = 4
UNEVEN_STEPS = (2, 4)
"""How many batches each of two ranks has."""

_UNEVEN_BATCH = 8
Told = dict[str, Any]


def train_plain(rank: int, world_size: int, placement: str) -> Told:
    """Train three steps with the defaults."""
    return _train_share(
        _wrap_parallel(gradients.build_mlp(rank), rank, placement), rank, world_size, placement
    )


def train_small_buckets(rank: int, world_size: int, placement: str) -> Told:
    """Train with small buckets.

    `buckets` is how many were sent in each step, as DistributedDataParallel logged it.
    """
    model = _wrap_parallel(
        gradients.build_mlp(rank), rank, placement, bucket_cap_mb=SMALL_BUCKET_MB
    )
    result = _train_share(model, rank, world_size, placement)
    logged = model._get_ddp_logging_data()
    sizes = logged.get("rebuilt_bucket_sizes") or logged["bucket_sizes"]
    return {**result, "buckets": len(sizes.split(","))}


def train_bucket_view(rank: int, world_size: int, placement: str) -> Told:
    """Train with gradients that are views of a bucket.

    `memories` is how many separate memories hold the gradients; views of one bucket share one.
    """
    model = _wrap_parallel(gradients.build_mlp(rank), rank, placement, gradient_as_bucket_view=True)
    result = _train_share(model, rank, world_size, placement)
    memories = {parameter.grad.untyped_storage().data_ptr() for parameter in model.parameters()}
    return {**result, "memories": len(memories)}


def train_static_graph(rank: int, world_size: int, placement: str) -> Told:
    """Train a block that is used twice under reentrant checkpointing.

    Only a static graph can synchronise it.
    """
    model = _wrap_parallel(build_twice_checkpointed(rank), rank, placement, static_graph=True)
    return _train_share(model, rank, world_size, placement)


def build_twice_checkpointed(rank: int) -> Any:
    """Return the model of `train_static_graph`, fp64."""
    return gradients.fill_weights(_TwiceCheckpointed().double(), rank)


class _TwiceCheckpointed(torch.nn.Module):  # type: ignore[misc, unused-ignore] # torch is not in the harness' own environment
    def __init__(self) -> None:
        super().__init__()
        self.first, self.block, self.last = (
            torch.nn.Linear(32, 16),
            torch.nn.Linear(16, 16),
            torch.nn.Linear(16, 8),
        )

    def forward(self, inputs: Any) -> Any:
        hidden = self.first(inputs)
        for _ in range(2):
            hidden = torch.tanh(checkpoint(self.block, hidden, use_reentrant=True))
        return self.last(hidden)


def train_no_sync(rank: int, world_size: int, placement: str) -> Told:
    """Make one step from MICRO_BATCHES, of which only the last one is synchronised.

    `alone` are the gradients that were added up before the last one.
    """
    model = _wrap_parallel(gradients.build_mlp(rank), rank, placement)
    device = device_of(rank, placement)
    parts = [
        (inputs.to(device), targets.to(device))
        for inputs, targets in _micro_batches(rank, world_size)
    ]
    with model.no_sync():
        alone = _accumulate_gradients(model, parts[:-1])
    return {"alone": alone, "gradients": [_accumulate_gradients(model, parts[-1:])]}


def accumulate_alone(rank: int, world_size: int) -> Step:
    """Return what a rank without peers adds up before its last micro-batch."""
    return _accumulate_gradients(gradients.build_mlp(0), [*_micro_batches(rank, world_size)][:-1])


def _micro_batches(rank: int, world_size: int) -> Iterator[tuple[Any, Any]]:
    inputs, targets = gradients.take_share(rank, world_size)
    yield from zip(inputs.chunk(MICRO_BATCHES), targets.chunk(MICRO_BATCHES), strict=True)


def _accumulate_gradients(model: Any, parts: list[tuple[Any, Any]]) -> Step:
    for inputs, targets in parts:
        (torch.nn.functional.mse_loss(model(inputs), targets) / MICRO_BATCHES).backward()
    return gradients.copy_gradients(model)


def train_unused_parameters(rank: int, world_size: int, placement: str) -> Told:
    """Train with a head of its own on each rank, and a last head that no rank uses."""
    model = _wrap_parallel(
        _build_heads(rank, world_size), rank, placement, find_unused_parameters=True
    )
    return {"gradients": _train_heads(model, rank, world_size, placement)}


def train_unused_unannounced(rank: int, world_size: int, placement: str) -> str:
    """Do the same without `find_unused_parameters`; return the error of the second step.

    It is empty if there is none.
    """
    model = _wrap_parallel(_build_heads(rank, world_size), rank, placement)
    try:
        _train_heads(model, rank, world_size, placement)
    except RuntimeError as error:
        return str(error).splitlines()[0]
    return ""


def compute_unused_reference(world_size: int) -> ReferenceGradients:
    """Return the mean of the gradients that the users of each head compute, by one process."""
    model, result = _build_heads(0, world_size), ReferenceGradients([], [])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(gradients.STEPS):
        result.shares.append(
            [_mean_of_heads(model, [rank], world_size) for rank in range(world_size)]
        )
        result.whole.append(_mean_of_heads(model, [*range(world_size)], world_size))
        optimizer.step()
    return result


class _HeadsNetwork(torch.nn.Module):  # type: ignore[misc, unused-ignore] # torch is not in the harness' own environment
    def __init__(self, heads: int) -> None:
        super().__init__()
        self.trunk = torch.nn.Linear(32, 16)
        self.heads = torch.nn.ModuleList(torch.nn.Linear(16, 8) for _ in range(heads))

    def forward(self, inputs: Any, head: int) -> Any:
        return self.heads[head](torch.tanh(self.trunk(inputs)))


def _build_heads(rank: int, world_size: int) -> Any:
    return gradients.fill_weights(_HeadsNetwork(world_size + 1).double(), rank)


def _train_heads(model: Any, rank: int, world_size: int, placement: str) -> list[Step]:
    inputs, targets = (
        part.to(device_of(rank, placement)) for part in gradients.take_share(rank, world_size)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    steps = []
    for _ in range(gradients.STEPS):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(inputs, rank), targets).backward()
        steps.append(gradients.copy_gradients(model))
        optimizer.step()
    return steps


def _mean_of_heads(model: Any, ranks: list[int], world_size: int) -> Step:
    model.zero_grad()
    for rank in ranks:
        inputs, targets = gradients.take_share(rank, world_size)
        (torch.nn.functional.mse_loss(model(inputs, rank), targets) / len(ranks)).backward()
    return gradients.copy_gradients(model)


def train_uneven_inputs(rank: int, world_size: int, placement: str) -> Told:
    """Train on as many batches as UNEVEN_STEPS has for each rank.

    `weights` are those after `join`.
    """
    model = _wrap_parallel(gradients.build_mlp(rank), rank, placement)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    steps = []
    with model.join():
        for step in range(UNEVEN_STEPS[rank]):
            inputs, targets = (
                part.to(device_of(rank, placement)) for part in uneven_batch(rank, step)
            )
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(inputs), targets).backward()
            steps.append(gradients.copy_gradients(model))
            optimizer.step()
    return {"gradients": steps, "weights": gradients.copy_weights(model)}


def compute_uneven_reference(*, by_all: bool = True) -> tuple[ReferenceGradients, Step]:
    """Return the gradients and the last weights of one process.

    A gradient is the sum over the ranks that still have a batch, divided by the number of all
    ranks, or of those that still have one.
    """
    model, result = gradients.build_mlp(0), ReferenceGradients([], [])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(max(UNEVEN_STEPS)):
        result.shares.append(
            [_uneven_mean(model, step, [rank], 1) for rank in range(len(UNEVEN_STEPS))]
        )
        active = [rank for rank, steps in enumerate(UNEVEN_STEPS) if step < steps]
        result.whole.append(
            _uneven_mean(model, step, active, len(UNEVEN_STEPS if by_all else active))
        )
        optimizer.step()
    return result, gradients.copy_weights(model)


def _uneven_mean(model: Any, step: int, ranks: list[int], divisor: int) -> Step:
    model.zero_grad()
    for rank in ranks:
        inputs, targets = uneven_batch(rank, step)
        (torch.nn.functional.mse_loss(model(inputs), targets) / divisor).backward()
    return gradients.copy_gradients(model)


def uneven_batch(rank: int, step: int) -> tuple[Any, Any]:
    """Return a batch of those that only one rank has."""
    inputs, targets = gradients.draw_batch()
    first = (sum(UNEVEN_STEPS[:rank]) + step) * _UNEVEN_BATCH
    return inputs[first : first + _UNEVEN_BATCH], targets[first : first + _UNEVEN_BATCH]


def train_integers(rank: int, world_size: int, placement: str) -> Told:
    """Make one step in fp32 whose every sum is a small integer, and so exact."""
    model = _wrap_parallel(_integer_model(), rank, placement)
    inputs, targets = (
        part.to(device_of(rank, placement)) for part in _integer_share(rank, world_size)
    )
    (model(inputs) * targets).sum().backward()
    return {"gradients": [gradients.copy_gradients(model)]}


def compute_integers_reference(world_size: int) -> ReferenceGradients:
    """Return the gradients by int64 arithmetic, which cannot round.

    The division by a power of two is exact too.
    """
    first, second = _integer_weights()
    shares = []
    for rank in range(world_size):
        inputs, targets = (part.long() for part in _integer_share(rank, world_size))
        shares.append([(targets @ second).T @ inputs, targets.T @ (inputs @ first.T)])
    whole = [(sum(parts) / world_size).float() for parts in zip(*shares, strict=True)]
    return ReferenceGradients([whole], [[[part.float() for part in each] for each in shares]])


def _integer_model() -> Any:
    model = torch.nn.Sequential(
        torch.nn.Linear(16, 16, bias=False), torch.nn.Linear(16, 8, bias=False)
    )
    with torch.no_grad():
        for parameter, weights in zip(model.parameters(), _integer_weights(), strict=True):
            parameter.copy_(weights)
    return model


def _integer_weights() -> tuple[Any, Any]:
    return _draw_integers(4, 1, 16, 16), _draw_integers(4, 2, 8, 16)


def _integer_share(rank: int, world_size: int) -> tuple[Any, Any]:
    """Return the integers of a rank: sums stay far under 2**24, to which fp32 is exact.

    They go beyond 2**11, to which fp16 is exact.
    """
    inputs, targets = (
        _draw_integers(31, 3, gradients.BATCH, 16),
        _draw_integers(4, 4, gradients.BATCH, 8),
    )
    return inputs[rank::world_size].float(), targets[rank::world_size].float()


def _draw_integers(limit: int, seed: int, *shape: int) -> Any:
    return torch.randint(1 - limit, limit, shape, generator=torch.Generator().manual_seed(seed))


def train_seeded(rank: int, world_size: int, placement: str, *, seeds: tuple[int, ...]) -> Told:
    """Train with weights, data and dropout drawn from torch's global generator.

    The training is repeated for each of `seeds`.
    """
    torch.use_deterministic_algorithms(True)
    steps = itertools.chain.from_iterable(
        _train_drawn(rank, world_size, placement, seed) for seed in seeds
    )
    return {"gradients": [*steps]}


def _train_drawn(rank: int, world_size: int, placement: str, seed: int) -> list[Step]:
    torch.manual_seed(seed * world_size + rank)
    device = device_of(rank, placement)
    layers = torch.nn.Linear(32, 64), torch.nn.Dropout(0.5), torch.nn.Linear(64, 8)
    model = _wrap_parallel(torch.nn.Sequential(*layers), rank, placement)
    return gradients.train_steps(
        model, torch.randn(32, 32, device=device), torch.randn(32, 8, device=device)
    )


def _wrap_parallel(model: Any, rank: int, placement: str, **options: Any) -> Any:
    return DistributedDataParallel(model.to(device_of(rank, placement)), **options)


def _train_share(model: Any, rank: int, world_size: int, placement: str) -> Told:
    inputs, targets = (
        part.to(device_of(rank, placement)) for part in gradients.take_share(rank, world_size)
    )
    return {"gradients": gradients.train_steps(model, inputs, targets)}
