"""Each communication hook of DistributedDataParallel gives the mean gradient of all ranks.

The weights stay, so each step has the same gradient: that of one process on the whole batch.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
import torch.distributed
from torch.distributed.algorithms import ddp_comm_hooks
from torch.distributed.algorithms.ddp_comm_hooks import (
    DDPCommHookType,
    default_hooks,
    post_localSGD_hook,
    powerSGD_hook,
)
from torch.nn.parallel import DistributedDataParallel

from . import gradients
from .cases import CaseResult, Told, work_off
from .modes import SMALL_BUCKET_MB

ROUNDED = {"fp16": 8 * torch.finfo(torch.float16).eps, "bf16": 8 * torch.finfo(torch.bfloat16).eps}
"""Largest difference allowed to hooks that round: each share may be some times the mean."""

STEPS = 4
FIRST_LOCAL = 2
"""The first step in which post-local SGD leaves the ranks alone."""

LOW_RANK_STEPS = 12
SAMPLES = 24
LOW_RANK_LIMIT = 1e-6
"""The sums of PowerSGD are fp64, its orthogonal vectors have an epsilon of some kinds."""

MEAN_OF_FEEDBACK = 0.8
"""How far the mean of LOW_RANK_STEPS steps may be off: without feedback the rest never comes."""

UNTRIED = {
    "hook_with_zero_step": "needs NCCL",
    "hook_with_zero_step_interleaved": "needs NCCL",
    "quantization_perchannel_hook": "needs GPUs",
    "quantization_pertensor_hook": "needs GPUs",
}
"""Hooks that gloo on a CPU cannot run."""

UNTRIED_TYPES = ("QUANTIZE_PER_TENSOR", "QUANTIZE_PER_CHANNEL")
KEEPS_OWN = ("noop_hook", "NOOP")
Register = Callable[[Any], None]


def find_wrong_hooks(rank: int, world: int, placement: str) -> Told:
    """Return what is wrong with the hooks that torch has."""
    cases = (
        _public_hooks,
        _hook_types,
        _built_in_hooks,
        _wrapped_hooks,
        _local_hooks,
        _low_rank_hooks,
        _error_feedback,
        _optimizer_in_backward,
    )
    return work_off(cases, rank, world)


def list_hooks() -> dict[str, Any]:
    """Return the public hooks of torch by their name; wrappers are not among them."""
    found = {}
    for module in pkgutil.iter_modules(ddp_comm_hooks.__path__):
        members = vars(importlib.import_module(f"{ddp_comm_hooks.__name__}.{module.name}"))
        for name, member in members.items():
            is_own = callable(member) and member.__module__.endswith(f".{module.name}")
            if is_own and not name.startswith("_") and "hook" in name:
                found[name] = member
    return found


def _public_hooks(rank: int, world: int) -> Iterator[CaseResult]:
    """Each with the state that its documentation gives it."""
    states: dict[str, Callable[[], Any]] = {
        "powerSGD_hook": lambda: powerSGD_hook.PowerSGDState(None, start_powerSGD_iter=100),
        "batched_powerSGD_hook": lambda: powerSGD_hook.PowerSGDState(None, start_powerSGD_iter=100),
        "post_localSGD_hook": lambda: post_localSGD_hook.PostLocalSGDState(None, None, 100),
    }
    for name, hook in list_hooks().items():
        if name not in UNTRIED:
            state = states.get(name, lambda: None)()
            yield from _train(name, rank, world, partial(_register, state=state, hook=hook))


def _hook_types(rank: int, world: int) -> Iterator[CaseResult]:
    for each in DDPCommHookType:
        if each.name not in UNTRIED_TYPES:
            yield from _train(
                each.name,
                rank,
                world,
                partial(ddp_comm_hooks.register_ddp_comm_hook, each),
            )


def _built_in_hooks(rank: int, world: int) -> Iterator[CaseResult]:
    for name, each in torch.distributed.BuiltinCommHookType.__members__.items():
        yield from _train(
            name,
            rank,
            world,
            partial(DistributedDataParallel._register_builtin_comm_hook, comm_hook_type=each),
        )


def _wrapped_hooks(rank: int, world: int) -> Iterator[CaseResult]:
    wrappers = {name: each for name, each in vars(default_hooks).items() if "_wrapper" in name}
    for name, wrap in wrappers.items():
        for hook, state in (
            (default_hooks.allreduce_hook, None),
            (powerSGD_hook.powerSGD_hook, powerSGD_hook.PowerSGDState(None)),
            (
                post_localSGD_hook.post_localSGD_hook,
                post_localSGD_hook.PostLocalSGDState(None, None, 100),
            ),
        ):
            yield from _train(
                f"{name} of {hook.__name__}",
                rank,
                world,
                partial(_register, state=state, hook=wrap(hook)),
            )


def _local_hooks(rank: int, world: int) -> Iterator[CaseResult]:
    """Post-local SGD: from a step on, a rank has the mean of its own subgroup alone."""
    alone, _ = torch.distributed.new_subgroups(1)
    for averages in (True, False):
        state = post_localSGD_hook.PostLocalSGDState(
            None, alone, FIRST_LOCAL, post_local_gradient_allreduce=averages
        )
        model = _build(rank)
        model.register_comm_hook(state, post_localSGD_hook.post_localSGD_hook)
        reference = gradients.compute_reference(world)
        for step, got in enumerate(_repeat(model, rank, world)):
            early = step < FIRST_LOCAL
            wanted = reference.whole[0] if early else reference.shares[0][rank]
            yield CaseResult(f"step {step + 1} of {STEPS}, allreduce={averages}", got, wanted)


def _low_rank_hooks(rank: int, world: int) -> Iterator[CaseResult]:
    """PowerSGD is exact for matrices of the rank that it keeps: one sample on each rank."""
    for warm_start in (True, False):
        state = powerSGD_hook.PowerSGDState(
            None, matrix_approximation_rank=world, start_powerSGD_iter=2, warm_start=warm_start
        )
        wanted = _multiply([*range(world)])
        model = _build_matrix()
        model.register_comm_hook(state, powerSGD_hook.powerSGD_hook)
        for step in range(STEPS):
            got = _backward_samples(model, [rank])
            what = f"step {step + 1}, warm_start={warm_start}"
            yield CaseResult(what, got, wanted, LOW_RANK_LIMIT)


def _error_feedback(rank: int, world: int) -> Iterator[CaseResult]:
    """The part that PowerSGD leaves out of a step is kept, and comes in the next ones.

    `batched_powerSGD_hook` is left out: torch stops at an assertion of its own in these steps.
    """
    wanted = _multiply([*range(SAMPLES)])
    for warm_start in (True, False):
        state = powerSGD_hook.PowerSGDState(
            None, start_powerSGD_iter=2, min_compression_rate=1, warm_start=warm_start
        )
        model = _build_matrix()
        model.register_comm_hook(state, powerSGD_hook.powerSGD_hook)
        mine = [*range(rank, SAMPLES, world)]
        steps = [_backward_samples(model, mine) for _ in range(LOW_RANK_STEPS)]
        left = state.error_dict[0].detach().clone()
        torch.distributed.all_reduce(left)
        found = sum(steps) + left.view_as(wanted) / world
        what = f"all steps and the rest, warm_start={warm_start}"
        yield CaseResult(what, found, wanted * len(steps), LOW_RANK_LIMIT)
        mean = sum(steps[2:]) / (len(steps) - 2)
        yield CaseResult(f"the mean of the steps, {warm_start=}", mean, wanted, MEAN_OF_FEEDBACK)


def _optimizer_in_backward(rank: int, world: int) -> Iterator[CaseResult]:
    """An optimizer that steps in the hook gives the weights of one that steps after it."""
    model, plain = _build(rank), gradients.build_mlp(0)
    model._register_fused_optim(torch.optim.SGD, 0.1)
    gradients.train_steps(plain, *gradients.draw_batch())
    inputs, targets = gradients.take_share(rank, world)
    for _ in range(gradients.STEPS):
        torch.nn.functional.mse_loss(model(inputs), targets).backward()
        model.zero_grad()
    yield CaseResult("weights", [*model.module.parameters()], [*plain.parameters()])


def _train(name: str, rank: int, world: int, register: Register) -> Iterator[CaseResult]:
    """Compare the gradients of each step under a hook with those of one process."""
    model = _build(rank)
    register(model)
    reference = gradients.compute_reference(world)
    own = name in KEEPS_OWN
    wanted = reference.shares[0][rank] if own else reference.whole[0]
    kind = next((each for each in ROUNDED if each in name.lower()), "")
    for step, got in enumerate(_repeat(model, rank, world)):
        yield CaseResult(f"{name}, step {step + 1}", got, wanted, ROUNDED.get(kind, 1e-9))


def _register(model: Any, state: Any, hook: Any) -> None:
    model.register_comm_hook(state, hook)


def _build(rank: int) -> Any:
    return DistributedDataParallel(gradients.build_mlp(rank), bucket_cap_mb=SMALL_BUCKET_MB)


def _repeat(model: Any, rank: int, world: int) -> Iterator[gradients.Step]:
    """Make STEPS passes, the weights unchanged."""
    inputs, targets = gradients.take_share(rank, world)
    for _ in range(STEPS):
        model.zero_grad()
        torch.nn.functional.mse_loss(model(inputs), targets).backward()
        yield gradients.copy_gradients(model)


def _build_matrix() -> Any:
    return DistributedDataParallel(torch.nn.Linear(32, 8, bias=False).double())


def _backward_samples(model: Any, samples: list[int]) -> Any:
    """Return the gradient of a matrix whose outputs are multiplied with targets and added."""
    inputs, targets = (part[samples] for part in gradients.draw_batch())
    model.zero_grad()
    ((model(inputs) * targets).sum() / len(samples)).backward()
    return model.module.weight.grad.detach().clone()


def _multiply(samples: list[int]) -> Any:
    inputs, targets = (part[samples] for part in gradients.draw_batch())
    return targets.T @ inputs / len(samples)
