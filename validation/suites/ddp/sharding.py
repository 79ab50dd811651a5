"""Tensors and models in parts on each rank: the same as whole ones of one process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
import torch.distributed.checkpoint as distributed_checkpoint
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, ShardingStrategy, fully_shard
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)

from . import gradients
from .cases import CaseResult, Told, work_off

SHAPES = ((4, 6), (5, 3), (1, 7))
"""Also some that ranks cannot share evenly."""

UNSHARDED = (ShardingStrategy.HYBRID_SHARD, ShardingStrategy._HYBRID_SHARD_ZERO2)
"""Strategies that need ranks of several nodes."""


def find_wrong_shards(rank: int, world: int, placement: str, *, saved: str, to_save: str) -> Told:
    """Return what is wrong with parts of tensors and models.

    `saved` is a checkpoint of one process, and `to_save` is a folder for one of all ranks.
    """
    cases = (
        _distributed_tensors,
        _operations,
        _sharded_model,
        _sharded_module,
        _parallel_layers,
        partial(_checkpoint, saved=saved, to_save=to_save),
    )
    return work_off(cases, rank, world)


def save_checkpoint(folder: str) -> None:
    """Save a model of one process, trained a while."""
    model = gradients.build_mlp(3)
    gradients.train_weights(model, gradients.draw_batch())
    distributed_checkpoint.save(model.state_dict(), checkpoint_id=folder)


def load_checkpoint(folder: str, rank: int, world: int) -> Iterator[CaseResult]:
    """Load what ranks saved in one process."""
    model, wanted = gradients.build_mlp(1), gradients.build_mlp(0)
    state = model.state_dict()
    distributed_checkpoint.load(state, checkpoint_id=folder)
    yield CaseResult(
        "weights of all ranks in one process", [*state.values()], gradients.copy_weights(wanted)
    )


def _distributed_tensors(rank: int, world: int) -> Iterator[CaseResult]:
    """A tensor from each placement to each other one, and its gradient."""
    mesh = init_device_mesh("cpu", (world,))
    placements = (Shard(0), Shard(1), Replicate())
    for shape, before in itertools.product(SHAPES, placements):
        whole = _draw(*shape)
        for after in placements:
            leaf = distribute_tensor(whole, mesh, [before]).requires_grad_()
            moved = leaf.redistribute(mesh, [after])
            got = moved.full_tensor()
            (got * whole).sum().backward()
            what = f"{shape} from {before} to {after}"
            yield CaseResult(what, got.detach(), whole)
            yield CaseResult(f"gradient of {what}", leaf.grad.full_tensor(), whole)
            if isinstance(after, Shard):
                mine = moved.to_local().detach()
                parts = whole.chunk(world, after.dim)
                wanted = parts[rank] if rank < len(parts) else mine[:0]
                yield CaseResult(f"part of {what}", mine if mine.numel() else mine[:0], wanted)
        summed = DTensor.from_local(whole * (rank + 1), mesh, [Partial()])
        summed = summed.redistribute(mesh, [before]).full_tensor()
        wanted = whole * (world * (world + 1) / 2)
        yield CaseResult(f"{shape} from a sum to {before}", summed, wanted)


def _operations(rank: int, world: int) -> Iterator[CaseResult]:
    """Operations on tensors in parts."""
    mesh = init_device_mesh("cpu", (world,))
    left, right = _draw(4, 6), _draw(6, 5)
    placements = (Shard(0), Shard(1), Replicate())
    for one, other in itertools.product(placements, placements):
        first, second = (
            distribute_tensor(each, mesh, [how]) for each, how in ((left, one), (right, other))
        )
        what = f"of {one} and {other}"
        yield CaseResult(f"product {what}", (first @ second).full_tensor(), left @ right)
        turned = distribute_tensor(left.cos(), mesh, [other])
        yield CaseResult(f"sum {what}", (first + turned).full_tensor(), left + left.cos())
    for how in placements:
        value = distribute_tensor(left, mesh, [how])
        for name in ("sum", "softmax"):
            call = getattr(torch, name)
            for dim in (0, 1):
                got = call(value, dim).full_tensor()
                yield CaseResult(f"{name} over {dim} of {how}", got, call(left, dim))


def _sharded_model(rank: int, world: int) -> Iterator[CaseResult]:
    """`fully_shard` trains as one process does, with its layers sharded or only the whole.

    In torch 2.6 it does not run on a CPU: its streams there have no events.
    """
    if not hasattr(torch.cpu.Stream, "record_event"):
        return
    mesh = init_device_mesh("cpu", (world,))
    wanted = gradients.train_weights(gradients.build_mlp(0), gradients.draw_batch())
    for each_layer, reshard in itertools.product((True, False), (True, False)):
        model = gradients.build_mlp(0)
        for layer in model if each_layer else ():
            if isinstance(layer, torch.nn.Linear):
                fully_shard(layer, mesh=mesh, reshard_after_forward=reshard)
        fully_shard(model, mesh=mesh, reshard_after_forward=reshard)
        gradients.train_weights(model, gradients.take_share(rank, world))
        got = [each.full_tensor().detach() for each in model.parameters()]
        yield CaseResult(f"{each_layer=}, reshard_after_forward={reshard}", got, wanted)


def _sharded_module(rank: int, world: int) -> Iterator[CaseResult]:
    """FullyShardedDataParallel trains as one process does, by each strategy."""
    wanted = gradients.train_weights(gradients.build_mlp(0), gradients.draw_batch())
    for strategy in ShardingStrategy:
        if strategy in UNSHARDED:
            continue
        for original in (True, False):
            model = FullyShardedDataParallel(
                gradients.build_mlp(0),
                sharding_strategy=strategy,
                device_id=torch.device("cpu"),
                use_orig_params=original,
            )
            gradients.train_weights(model, gradients.take_share(rank, world))
            with FullyShardedDataParallel.summon_full_params(model):
                got = gradients.copy_weights(model)
            what = f"{strategy.name}, use_orig_params={original}"
            flat = [torch.cat([each.flatten() for each in parts]) for parts in (got, wanted)]
            yield CaseResult(what, *flat)


def _parallel_layers(rank: int, world: int) -> Iterator[CaseResult]:
    """Layers by columns, by rows, and both; a norm over parts of a sequence."""
    mesh = init_device_mesh("cpu", (world,))
    plans: dict[str, dict[str, Any]] = {
        "columns, then rows": {"0": ColwiseParallel(), "2": RowwiseParallel()},
        "columns": {"4": ColwiseParallel(output_layouts=Replicate())},
        "rows": {"4": RowwiseParallel(input_layouts=Replicate())},
    }
    wanted = gradients.train_weights(gradients.build_mlp(0), gradients.draw_batch())
    for name, plan in plans.items():
        model = parallelize_module(gradients.build_mlp(0), mesh, plan)
        gradients.train_weights(model, gradients.draw_batch())
        yield CaseResult(name, gradients.copy_weights(model), wanted)
    inputs = _draw(2, 4, 6)
    norm = torch.nn.LayerNorm(6).double()
    expected = norm(inputs).detach()
    parts = parallelize_module(norm, mesh, SequenceParallel())
    got = parts(distribute_tensor(inputs, mesh, [Shard(1)]))
    yield CaseResult("a norm over parts of a sequence", got.full_tensor().detach(), expected)


def _checkpoint(rank: int, world: int, *, saved: str, to_save: str) -> Iterator[CaseResult]:
    """Ranks load the parts of what one process saved, and save theirs for one process."""
    mesh = init_device_mesh("cpu", (world,))
    wanted = gradients.build_mlp(3)
    gradients.train_weights(wanted, gradients.draw_batch())
    model = gradients.build_mlp(4)
    fully_shard(model, mesh=mesh)
    state = model.state_dict()
    distributed_checkpoint.load(state, checkpoint_id=saved)
    got = [each.full_tensor() for each in state.values()]
    yield CaseResult("weights of one process in all ranks", got, gradients.copy_weights(wanted))
    other = gradients.build_mlp(0)
    fully_shard(other, mesh=mesh)
    distributed_checkpoint.save(other.state_dict(), checkpoint_id=to_save)


def _draw(*shape: int) -> Any:
    generator = torch.Generator().manual_seed(len(shape) + shape[0])
    return torch.randn(shape, generator=generator, dtype=torch.float64)
