"""Programs with optimizers of PyTorch and their schedules."""

from __future__ import annotations

import contextlib
import copy
import functools
from typing import Any

import torch

from ... import pool
from ..families import Family, find_in, list_kinds_of
from ..telling import attempt

NET_STEPS = 4
SECOND_GROUP: dict[str, Any] = {
    **{"lr": 0.02, "weight_decay": 0.3, "momentum": 0.5, "betas": (0.6, 0.8), "eps": 1e-3},
    **{"lambd": 0.2, "alpha": 0.6, "rho": 0.7, "lr_decay": 0.2, "etas": (0.4, 1.3)},
}
"""What the second group of parameters has of its own, if the optimizer knows it."""


def make_groups(optimizers: Any, name: str, net: Any, options: dict[str, Any]) -> Any:
    """Return an optimizer for a network, with two unlike groups if it takes them."""
    kind = getattr(optimizers, name)
    parameters = [*net.parameters()]
    if name == "LBFGS":
        return kind(parameters, **options)
    if name == "Muon":
        return kind([each for each in parameters if each.ndim > 1], **options)
    if name == "SparseAdam":
        return kind([{"params": parameters[:1]}, {"params": parameters[1:], "lr": 0.02}], **options)
    plain = kind([torch.nn.Parameter(torch.ones(1))], **options)
    known = {key: type(value) for key, value in plain.defaults.items()}
    own = {key: value for key, value in SECOND_GROUP.items() if known.get(key) is type(value)}
    groups = [{"params": parameters[:2]}, {"params": parameters[2:4], **own}]
    last = {"params": parameters[4:], "lr": 0.03}
    if name == "Adagrad":  # it makes its state at the start alone
        return kind([*groups, last], **options)
    made = kind(groups, **options)
    made.add_param_group(last)
    return made


def make_network(name: str) -> Any:
    """Return a network with a frozen parameter, as an optimizer takes it."""
    pool.set_seeds()
    if name == "SparseAdam":
        both = [torch.nn.Embedding(7, 3, sparse=True), torch.nn.Embedding(7, 2, sparse=True)]
        return torch.nn.ModuleList(both)
    net = pool.make_value("$net")
    net[0].bias.requires_grad_(False)
    return net


def compute_net_loss(net: Any, step: int) -> Any:
    """Return the loss of one step, which is unlike that of every other."""
    if isinstance(net, torch.nn.ModuleList):
        places = torch.tensor([step, step + 1, step, 5])
        return (net[0](places).sum(1) * net[1](places[:3].repeat(2)[:4]).sum(1)).sum()
    inputs = pool.make_value("$x").roll(step, 0) * (1 + step / 2)
    return (net(inputs) - step).square().mean()


def take_gradients(net: Any, optimizer: Any, step: int) -> Any:
    """Return the loss of a step, and leave its gradients."""
    optimizer.zero_grad(set_to_none=step % 2 == 0)
    loss = compute_net_loss(net, step)
    loss.backward()
    return loss


def train_with(name: str, **options: Any) -> Any:
    """Return weights and state after some steps of an optimizer, the last after loading it.

    The parameters are in groups with options of their own, and one is frozen.
    """
    options = {"lr": 0.05, **({"max_iter": 4} if name == "LBFGS" else {}), **options}
    net = make_network(name)
    optimizer = make_groups(torch.optim, name, net, options)
    losses: list[Any] = []
    states: list[Any] = []
    for step in range(NET_STEPS):
        if step == NET_STEPS - 1:
            torch.save([net.state_dict(), optimizer.state_dict()], "state.pt")
            net = make_network(name)
            optimizer = make_groups(torch.optim, name, net, options)
            states = torch.load("state.pt")
            net.load_state_dict(states[0])
            optimizer.load_state_dict(states[1])

        compute_loss = functools.partial(take_gradients, net, optimizer, step)
        losses.append(optimizer.step(compute_loss).detach())
    weights = [parameter.detach() for parameter in net.parameters()]
    return losses + weights, optimizer.state_dict(), states  # what was loaded stays as it was


def train_through(name: str, **options: Any) -> Any:
    """Return the derivative of a result of training by what the training began with."""
    for steps in (3, 2):  # some change what an earlier step needs
        with contextlib.suppress(RuntimeError):
            return step_through(getattr(torch.optim, name), steps, options)
    return step_through(getattr(torch.optim, name), 1, options)


def step_through(kind: Any, steps: int, options: dict[str, Any]) -> Any:
    """Return a parameter after some steps, and the derivative of its size by its first value."""
    begun = (pool.make_value("$vector") + 1).requires_grad_()
    moved = begun.clone()
    optimizer = kind([moved], **{"lr": 0.05, "differentiable": True, **options})
    for step in range(steps):
        moved.grad = moved.clone().square() * (step + 1) - begun.clone()
        optimizer.step()
    moved.square().sum().backward()
    return moved.detach(), begun.grad


def watch_optimizer(name: str) -> Any:
    """Return what the hooks of an optimizer saw and changed, and what it refuses."""
    net = make_network(name)
    optimizer = make_groups(torch.optim, name, net, {"lr": 0.05})
    seen: list[Any] = []

    def change_state(_: Any, state: dict[str, Any]) -> dict[str, Any]:
        return {**state, "param_groups": [{**g, "lr": 0.5} for g in state["param_groups"]]}

    handles = [
        optimizer.register_step_pre_hook(lambda o, a, k: seen.append(("before", len(a), [*k]))),
        optimizer.register_step_post_hook(lambda o, a, k: seen.append(("after", len(a), [*k]))),
        optimizer.register_state_dict_pre_hook(lambda o: seen.append("saving")),
        optimizer.register_state_dict_post_hook(lambda o, s: {**s, "extra": 1}),
        optimizer.register_state_dict_post_hook(lambda o, s: {**s, "first": 1}, prepend=True),
        optimizer.register_load_state_dict_pre_hook(change_state),
        optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded")),
    ]
    for _ in range(2):
        compute_net_loss(net, 1).backward()
        optimizer.step()
    state = optimizer.state_dict()
    optimizer.load_state_dict(state)
    rates = [group["lr"] for group in optimizer.param_groups]
    for each in handles:
        each.remove()
    optimizer.step()
    copied = copy.deepcopy(optimizer)
    refused = refuse_groups(optimizer, net, state)
    return [seen, [*state], rates, copied.state_dict(), repr(copied), refused]


def refuse_groups(optimizer: Any, net: Any, state: dict[str, Any]) -> list[Any]:
    """Return what an optimizer refuses: states, groups and rates."""
    groups, other = state["param_groups"], torch.nn.Parameter(torch.ones(2))
    wrong = [groups[:-1], [{"params": [0]}]]
    results = [attempt(optimizer.load_state_dict, {**state, "param_groups": g}) for g in wrong]
    added = [{"params": [net]}, {"params": [*net.parameters()]}, {"params": {other}}, [other]]
    results += [attempt(optimizer.add_param_group, each) for each in added]
    kind = type(optimizer)
    return [*results, attempt(kind, [other], lr=-1.0), attempt(kind, [])]


METRICS = (0.5, 0.49999, 0.6, 0.6, 0.3, 0.3, 0.31, 0.2999, 0.4, 0.4, 0.1, 0.2)
SCHEDULES: dict[str, dict[str, Any]] = {
    "OneCycleLR": {"total_steps": 12},
    "CyclicLR": {"step_size_up": 3},
    "ReduceLROnPlateau": {"patience": 1},
}
"""Options without which a schedule does nothing in a few steps."""


OTHER_MOMENTUM = tuple(
    f"'{schedule}','{optimizer}',max_lr=0.5{more}"
    for optimizer in ("Adam", "AdamW", "RAdam", "NAdam", "Adamax", "RMSprop", "SGD")
    for schedule, more in (
        *(("OneCycleLR", more) for more in ("", ",cycle_momentum=False", ",three_phase=True")),
        *(("CyclicLR", f",base_lr=0.1{more}") for more in ("", ",cycle_momentum=False")),
        ("CyclicLR", ",base_lr=0.1,mode='exp_range',gamma=0.9"),
    )
)
"""Schedules that change the momentum, and what each optimizer calls that."""


def make_momentum(**options: Any) -> Any:
    """Return an optimizer of two groups with momentum."""
    groups: list[dict[str, Any]] = [{"params": [torch.nn.Parameter(torch.ones(2))]}]
    groups.append({"params": [torch.nn.Parameter(torch.ones(3))], "lr": 0.03, "momentum": 0.7})
    return torch.optim.SGD(groups, **{"lr": 0.1, "momentum": 0.9, **options})


def follow(name: str, *values: Any, **options: Any) -> Any:
    """Return the learning rates of a schedule, and those after it was loaded at each step."""
    kind = getattr(torch.optim.lr_scheduler, name)

    def begin() -> tuple[Any, Any]:
        optimizer = make_momentum()
        return optimizer, kind(optimizer, *values, **{**SCHEDULES.get(name, {}), **options})

    def advance(optimizer: Any, schedule: Any, step: int) -> list[float]:
        optimizer.step()
        schedule.step(*([METRICS[step]] if name == "ReduceLROnPlateau" else []))
        groups = optimizer.param_groups
        return [*schedule.get_last_lr(), *(g["lr"] for g in groups), groups[1]["momentum"]]

    optimizer, schedule = begin()
    rates: list[Any] = [schedule.get_last_lr(), schedule.last_epoch]
    for step in range(len(METRICS) - 1):
        saved = copy.deepcopy((optimizer.state_dict(), schedule.state_dict()))
        other, loaded = begin()
        other.load_state_dict(saved[0])
        loaded.load_state_dict(saved[1])
        rates.append([advance(other, loaded, step), advance(optimizer, schedule, step)])
    states = (saved[1], schedule.state_dict())  # what was loaded stays as it was
    return rates, saved[0], [{k: v for k, v in each.items() if not callable(v)} for each in states]


def follow_groups(name: str, optimizer: str, **options: Any) -> Any:
    """Return the values of an optimizer's groups, and its weights, at each step of a schedule."""
    kind = getattr(torch.optim.lr_scheduler, name)
    weights = [torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(3))]
    made = getattr(torch.optim, optimizer)([{"params": [each], "lr": 0.1} for each in weights])
    schedule = kind(made, **{**SCHEDULES.get(name, {}), **options})
    steps: list[Any] = []
    for _ in METRICS[:-1]:
        for place, each in enumerate(weights):
            each.grad = torch.full_like(each, 0.5 + place)
        made.step()
        schedule.step()
        values = [{k: v for k, v in group.items() if k != "params"} for group in made.param_groups]
        steps.append([values, *(each.detach().clone() for each in weights)])
    return steps


def follow_combined(name: str, warmup: int = 3, power: float = 0.9) -> Any:
    """Return the learning rates of schedules that work together, before and after loading."""
    kinds = torch.optim.lr_scheduler

    def begin() -> tuple[Any, Any]:
        optimizer = make_momentum()
        first = kinds.LinearLR(optimizer, 0.1, total_iters=warmup)
        parts = [first, kinds.ExponentialLR(optimizer, power), kinds.StepLR(optimizer, 2, 0.5)]
        if name == "ChainedScheduler":
            return optimizer, kinds.ChainedScheduler(parts)
        return optimizer, kinds.SequentialLR(optimizer, parts, [warmup, warmup + 3])

    optimizer, schedule = begin()
    rates: list[Any] = [schedule.get_last_lr()]
    for step in range(9):
        optimizer.step()
        schedule.step()
        rates.append([*schedule.get_last_lr(), optimizer.param_groups[1]["lr"]])
        if step in (1, 4, 6):
            torch.save([optimizer.state_dict(), schedule.state_dict()], "state.pt")
            optimizer, schedule = begin()
            states = torch.load("state.pt", weights_only=False)
            optimizer.load_state_dict(states[0])
            schedule.load_state_dict(states[1])
    optimizer = make_momentum()
    one, two = kinds.ConstantLR(optimizer), kinds.ConstantLR(make_momentum())
    refused = (
        lambda: kinds.ChainedScheduler([one, two]),
        lambda: kinds.SequentialLR(optimizer, [one, two], [2]),
        lambda: kinds.SequentialLR(optimizer, [one], [2]),
        lambda: kinds.LambdaLR(optimizer, [pool.double]),
        lambda: kinds.StepLR(optimizer, 2, last_epoch=4),
    )
    return rates, [attempt(lambda e=each: type(e()).__name__) for each in refused]


TOGETHER = (
    *("'LBFGS',line_search_fn='strong_wolfe',max_iter=2", "'LBFGS',history_size=2,max_iter=6"),
    *("'SGD',momentum=0.9,nesterov=True", "'SGD',momentum=0.9,dampening=0.3,weight_decay=0.1"),
    *("'SGD',momentum=0.9,nesterov=True,foreach=True", "'SGD',momentum=0.9,fused=True"),
    *("'RMSprop',centered=True,momentum=0.5", "'RMSprop',centered=True,momentum=0.5,foreach=True"),
    *("'Adam',amsgrad=True,weight_decay=0.1,maximize=True", "'Adam',amsgrad=True,fused=True"),
    *("'AdamW',amsgrad=True,foreach=True", "'AdamW',amsgrad=True,fused=True"),
    *("'Adam',decoupled_weight_decay=True,weight_decay=0.1", "'Adagrad',fused=True"),
    *("'NAdam',decoupled_weight_decay=True,weight_decay=0.1", "'NAdam',foreach=True"),
    *("'RAdam',decoupled_weight_decay=True,weight_decay=0.1", "'RAdam',foreach=True"),
    *("'Adadelta',weight_decay=0.1,foreach=True", "'Adagrad',weight_decay=0.1,foreach=True"),
    *("'Adamax',weight_decay=0.1,foreach=True", "'ASGD',t0=1.0,foreach=True", "'ASGD',t0=1.0"),
    *("'Rprop',foreach=True", "'Adafactor',foreach=True", "'SGD',lr=$scalar"),
)
"""Options that change something only together."""

FAMILIES = (
    Family(train_with, list_kinds_of("torch.optim", "Optimizer"), find_in("torch.optim"), 1),
    Family(train_with, lambda: [*TOGETHER], lambda _: {}),
    Family(train_through, list_kinds_of("torch.optim", "Optimizer"), find_in("torch.optim"), 1),
    Family(watch_optimizer, lambda: ["Adam", "SGD"], lambda _: {}),
    Family(
        follow,
        list_kinds_of("torch.optim.lr_scheduler", "LRScheduler"),
        find_in("torch.optim.lr_scheduler"),
        1,
    ),
    Family(follow_groups, lambda: [*OTHER_MOMENTUM], lambda _: {}),
    Family(
        follow_combined,
        lambda: ["ChainedScheduler", "SequentialLR"],
        lambda _: {"warmup": 3, "power": 0.9},
    ),
)
