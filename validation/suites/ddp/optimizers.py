"""Options of DistributedDataParallel, optimizers over ranks and uneven inputs, by one process too.

The weights after some steps must be those of one process on the whole batch.
"""

from __future__ import annotations

import copy
import inspect
import itertools
from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.algorithms.ddp_comm_hooks.post_localSGD_hook import (
    PostLocalSGDState,
    post_localSGD_hook,
)
from torch.distributed.algorithms.join import Join
from torch.distributed.algorithms.model_averaging.averagers import PeriodicModelAverager
from torch.distributed.optim import PostLocalSGDOptimizer, ZeroRedundancyOptimizer
from torch.nn.parallel import DistributedDataParallel

from . import gradients, modes
from .cases import CaseResult, Told, work_off

UNTRIED = ("LBFGS", "Muon", "Optimizer", "SparseAdam")
"""Optimizers that need a closure, matrices alone, or sparse gradients."""

LOCAL_STEPS, WARM_UP, PERIOD = 7, 2, 3


def find_wrong_trainings(rank: int, world: int, placement: str) -> Told:
    """Return what is wrong with ways to train over ranks."""
    cases = (
        _options,
        _sharded_optimizers,
        _sharded_groups,
        _sharded_state,
        _local_steps,
        _uneven_inputs,
        _uneven_steps,
        _early_termination,
    )
    return work_off(cases, rank, world)


def _options(rank: int, world: int) -> Iterator[CaseResult]:
    """Each option that is on or off, alone and with each other one."""
    signature = inspect.signature(DistributedDataParallel.__init__).parameters.values()
    options = {each.name: each.default for each in signature if isinstance(each.default, bool)}
    wanted = gradients.train_weights(gradients.build_mlp(0), gradients.draw_batch())
    for names in itertools.chain(*(itertools.combinations(options, size) for size in range(3))):
        turned = {name: not options[name] for name in names}
        start = 0 if "init_sync" in turned else rank
        model = DistributedDataParallel(gradients.build_mlp(start), **turned)
        got = gradients.train_weights(model, gradients.take_share(rank, world))
        yield CaseResult(" and ".join(f"{name}={on}" for name, on in turned.items()), got, wanted)


def _sharded_optimizers(rank: int, world: int) -> Iterator[CaseResult]:
    """ZeroRedundancyOptimizer steps as each optimizer of torch does."""
    for name, kind in inspect.getmembers(torch.optim, inspect.isclass):
        if name in UNTRIED or not issubclass(kind, torch.optim.Optimizer):
            continue
        make: Any = kind
        for as_view in (False, True) if name == "Adam" else (False,):
            plain, model = _build_pair(rank)
            alone = make(plain.parameters(), lr=0.01)
            shared = ZeroRedundancyOptimizer(
                model.parameters(), kind, parameters_as_bucket_view=as_view, lr=0.01
            )
            wanted = gradients.train_weights(plain, gradients.draw_batch(), alone)
            got = gradients.train_weights(model, gradients.take_share(rank, world), shared)
            yield CaseResult(f"{name}, parameters_as_bucket_view={as_view}", got, wanted)


def _sharded_groups(rank: int, world: int) -> Iterator[CaseResult]:
    """Groups of parameters have their own options, also one that is added later."""
    plain, model = _build_pair(rank)
    results = []
    for each, batch, kind, options in (
        (plain, gradients.draw_batch(), torch.optim.SGD, {}),
        (
            model,
            gradients.take_share(rank, world),
            ZeroRedundancyOptimizer,
            {"optimizer_class": torch.optim.SGD},
        ),
    ):
        parts = [*each.parameters()]
        groups = [{"params": parts[:2], "lr": 0.2}, {"params": parts[2:4], "momentum": 0.5}]
        optimizer = kind(groups, lr=0.1, **options)
        optimizer.add_param_group({"params": parts[4:], "lr": 0.03, "weight_decay": 0.1})
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
        weights = gradients.train_weights(each, batch, optimizer)
        schedule.step()
        results.append([*weights, *gradients.train_weights(each, batch, optimizer)])
    yield CaseResult("weights", results[1], results[0])


def _sharded_state(rank: int, world: int) -> Iterator[CaseResult]:
    """The state of all ranks on one, which a plain optimizer and a sharded one go on from."""
    for other in range(world):
        plain, model = _build_pair(rank)
        alone = torch.optim.Adam(plain.parameters(), lr=0.01)
        shared = ZeroRedundancyOptimizer(model.parameters(), torch.optim.Adam, lr=0.01)
        gradients.train_weights(plain, gradients.draw_batch(), alone)
        gradients.train_weights(model, gradients.take_share(rank, world), shared)
        shared.consolidate_state_dict(to=other)
        box: Any = [shared.state_dict() if rank == other else None]
        dist.broadcast_object_list(box, src=other)
        states, wanted = box[0]["state"], alone.state_dict()["state"]
        yield CaseResult(f"parameters with a state, on {other}", [*states], [*wanted])
        yield CaseResult(f"state on {other}", _list_tensors(states), _list_tensors(wanted))
        again = ZeroRedundancyOptimizer(model.parameters(), torch.optim.Adam, lr=0.5)
        again.load_state_dict(copy.deepcopy(box[0]))
        later = gradients.train_weights(plain, gradients.draw_batch(), alone)
        got = gradients.train_weights(model, gradients.take_share(rank, world), again)
        yield CaseResult(f"weights after loading the state of {other}", got, later)


def _local_steps(rank: int, world: int) -> Iterator[CaseResult]:
    """Post-local SGD: ranks step alone after a while, and take the mean weights now and then."""
    alone, _ = dist.new_subgroups(1)
    model = DistributedDataParallel(gradients.build_mlp(rank))
    state = PostLocalSGDState(None, alone, WARM_UP, post_local_gradient_allreduce=False)
    model.register_comm_hook(state, post_localSGD_hook)
    inner = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    averager = PeriodicModelAverager(PERIOD, WARM_UP)
    optimizer = PostLocalSGDOptimizer(inner, averager)
    replicas = [gradients.build_mlp(0) for _ in range(world)]
    steppers = [torch.optim.SGD(each.parameters(), lr=0.1, momentum=0.5) for each in replicas]
    for step in range(LOCAL_STEPS):
        got = gradients.train_weights(model, gradients.take_share(rank, world), optimizer, 1)
        for other, replica in enumerate(replicas):
            share = gradients.take_share(other, world)
            batch = gradients.draw_batch() if step < WARM_UP else share
            gradients.train_weights(replica, batch, steppers[other], 1)
        if step >= WARM_UP and (step - WARM_UP) % PERIOD == 0:
            for parts in zip(*(each.parameters() for each in replicas), strict=True):
                mean = torch.stack([part.detach() for part in parts]).mean(0)
                for part in parts:
                    part.data.copy_(mean)
        yield CaseResult(
            f"weights after step {step + 1}", got, gradients.copy_weights(replicas[rank])
        )
    yield CaseResult("step in the state", optimizer.state_dict()["step"], LOCAL_STEPS)


def _uneven_inputs(rank: int, world: int) -> Iterator[CaseResult]:
    """Ranks with fewer batches: divided by all ranks, or by those that still have one."""
    for by_all, by_class in itertools.product((True, False), (False, True)):
        model = DistributedDataParallel(gradients.build_mlp(rank))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        options = {"divide_by_initial_world_size": by_all}
        with Join([model], **options) if by_class else model.join(**options):
            for step in range(modes.UNEVEN_STEPS[rank]):
                gradients.train_weights(model, modes.uneven_batch(rank, step), optimizer, 1)
        wanted = modes.compute_uneven_reference(by_all=by_all)[1]
        how = "Join" if by_class else "model.join"
        yield CaseResult(
            f"{how}, divide_by_initial_world_size={by_all}", gradients.copy_weights(model), wanted
        )


def _uneven_steps(rank: int, world: int) -> Iterator[CaseResult]:
    """A rank that has made its steps goes on with those of its part of a sharded optimizer."""
    plain, model = gradients.build_mlp(0), gradients.build_mlp(0)
    alone = torch.optim.Adam(plain.parameters(), lr=0.01)
    shared = ZeroRedundancyOptimizer(model.parameters(), torch.optim.Adam, lr=0.01)
    for each in (*plain.parameters(), *model.parameters()):
        each.grad = each.detach().sin()
    for _ in range(max(modes.UNEVEN_STEPS)):
        alone.step()
    with Join([shared]):
        for _ in range(modes.UNEVEN_STEPS[rank]):
            Join.notify_join_context(shared)
            shared.step()
    yield CaseResult("weights", gradients.copy_weights(model), gradients.copy_weights(plain))


def _early_termination(rank: int, world: int) -> Iterator[CaseResult]:
    """All ranks have an error at the step that one of them cannot make."""
    model = DistributedDataParallel(gradients.build_mlp(rank))
    made, message = 0, ""
    try:
        with model.join(throw_on_early_termination=True):
            for step in range(modes.UNEVEN_STEPS[rank]):
                gradients.train_weights(model, modes.uneven_batch(rank, step), steps=1)
                made += 1
    except RuntimeError as error:
        message = str(error)
    yield CaseResult("steps that were made", made, min(modes.UNEVEN_STEPS))
    yield CaseResult(f"an error was raised, {message[:60]!r}", bool(message), True)


def _build_pair(rank: int) -> tuple[Any, Any]:
    """Return the same model for one process and for ranks."""
    return gradients.build_mlp(0), DistributedDataParallel(gradients.build_mlp(rank))


def _list_tensors(states: dict[Any, dict[str, Any]]) -> list[Any]:
    """Return the tensors of an optimizer's state, in one order."""
    return [
        torch.as_tensor(states[number][name])
        for number in sorted(states)
        for name in sorted(states[number])
    ]
