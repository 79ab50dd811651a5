"""Programs that average, fuse and begin weights."""

from __future__ import annotations

import copy
from typing import Any

import torch

from ... import pool
from ..families import Family
from ..telling import attempt
from .of_weights import make_layer


def list_averages(decay: float) -> dict[str, dict[str, Any]]:
    """Return the options of each way of averaging."""
    tools = torch.optim.swa_utils
    return {
        "mean": {},
        "ema": {"multi_avg_fn": tools.get_ema_multi_avg_fn(decay)},
        "ema_one": {"avg_fn": tools.get_ema_avg_fn(decay)},
        "swa": {"multi_avg_fn": tools.get_swa_multi_avg_fn()},
        "swa_one": {"avg_fn": tools.get_swa_avg_fn()},
        "own": {"avg_fn": lambda old, new, count: old * 0.3 + new * 0.7 + count * 0.01},
    }


def average_models(way: str, use_buffers: bool = False, decay: float = 0.8) -> Any:
    """Return averaged weights over steps, their buffers, and those that are loaded."""
    tools, options = torch.optim.swa_utils, list_averages(decay)[way]
    net, rows = pool.make_value("$net"), pool.make_value("$x")
    net[0].bias.requires_grad_(False)
    averaged = tools.AveragedModel(net, use_buffers=use_buffers, **options)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.5)
    schedule = tools.SWALR(optimizer, 0.02, 3, "linear" if use_buffers else "cos")
    results: list[Any] = []
    states: list[Any] = []
    for step in range(4):
        optimizer.zero_grad()
        net(rows + step).square().mean().backward()
        optimizer.step()
        averaged.update_parameters(net)
        schedule.step()
        held = [p.detach().clone() for p in averaged.parameters()]
        results += [schedule.get_last_lr(), averaged.n_averaged.clone(), held]
        if step == 1:
            torch.save([averaged.state_dict(), schedule.state_dict()], "state.pt")
            fresh = pool.make_value("$net")
            averaged = tools.AveragedModel(fresh, use_buffers=use_buffers, **options)
            states = torch.load("state.pt", weights_only=False)
            averaged.load_state_dict(states[0])
            schedule.load_state_dict(states[1])
    results.append([b.clone() for b in averaged.buffers()])
    results.append(states)  # what was loaded stays as it was
    averaged.eval()
    batches = [(rows, 1), [pool.make_value("$x2")], rows * 3]
    tools.update_bn(batches, averaged, "cpu" if use_buffers else None)
    results += [[*averaged.buffers()], averaged.training, averaged(rows), [*averaged.state_dict()]]
    results += [averaged.module[1].momentum, [p.requires_grad for p in averaged.parameters()]]
    return [results, refuse_averages(net, optimizer)]


def refuse_averages(net: Any, optimizer: Any) -> list[Any]:
    """Return what is refused of averages."""
    tools, ways = torch.optim.swa_utils, list_averages(0.5)
    return [
        attempt(tools.get_ema_avg_fn, 1.5),
        attempt(tools.get_ema_multi_avg_fn, -0.1),
        attempt(tools.SWALR, optimizer, 0.1, -1),
        attempt(tools.SWALR, optimizer, 0.1, 3, "none"),
        attempt(lambda: str(tools.AveragedModel(net, **ways["ema"], **ways["ema_one"]))),
    ]


INITIAL: dict[str, tuple[dict[str, Any], ...]] = {
    "kaiming_normal_": ({}, {"mode": "fan_out"}, {"a": 0.3}, {"nonlinearity": "relu"}),
    "kaiming_uniform_": ({}, {"mode": "fan_out"}, {"a": 0.3}, {"nonlinearity": "tanh"}),
    **dict.fromkeys(("xavier_normal_", "xavier_uniform_", "orthogonal_"), ({}, {"gain": 2.0})),
    "uniform_": ({}, {"a": -2.0, "b": 3.0}),
    "normal_": ({}, {"mean": 2.0, "std": 0.3}),
    "trunc_normal_": ({}, {"a": -0.3, "b": 0.2}, {"mean": 1.0, "std": 0.5}),
    "sparse_": ({"sparsity": 0.4}, {"sparsity": 0.4, "std": 2.0}),
    "dirac_": ({}, {"groups": 2}),
    "constant_": ({"val": 0.3},),
    **dict.fromkeys(("eye_", "ones_", "zeros_"), ({},)),
}


def fuse_layers(transposed: bool = False, shared: bool = False) -> Any:
    """Return what fused layers give and whether their weights still need gradients."""
    utils = torch.nn.utils
    convolution = make_layer("Transposed" if transposed else "Conv2d").eval()
    norm, flat = torch.nn.BatchNorm2d(4).eval(), torch.nn.BatchNorm1d(3).eval()
    for each in (norm, flat):
        each.running_mean += 0.3
        each.running_var *= 1.7
        torch.nn.init.constant_(each.weight, 1.4)
        torch.nn.init.constant_(each.bias, -0.2)
    linear = make_layer()
    linear.weight.requires_grad_(shared)
    fused = [utils.fuse_conv_bn_eval(convolution, norm, transposed)]
    fused.append(utils.fuse_linear_bn_eval(linear.eval(), flat))
    results: list[Any] = [
        [[n, p.requires_grad, p] for n, p in each.named_parameters()] for each in fused
    ]
    results += [fused[0](torch.ones(1, 3, 4, 4)), norm(convolution(torch.ones(1, 3, 4, 4)))]
    results += [utils.skip_init(torch.nn.Linear, 3, 2).weight.shape]
    flipped = utils.convert_conv2d_weight_memory_format(
        copy.deepcopy(convolution), torch.channels_last
    )
    results += [flipped.weight.stride(), flipped.weight]
    stateless = utils.stateless.functional_call(linear, {"bias": torch.ones(3)}, torch.ones(1, 3))
    return [*results, stateless]


def begin_weights(name: str) -> Any:
    """Return initial values of many shapes with every option, and what is refused."""
    init, shapes = torch.nn.init, ((4, 3), (3, 2, 3), (4, 3, 2, 2), (2, 2, 2, 2, 2), (3,))
    results: list[Any] = []
    for shape in shapes:
        for options in INITIAL[name]:
            pool.set_seeds()
            made = torch.nn.Parameter(torch.full(shape, 9.0))
            given = attempt(getattr(init, name), made, **options)
            results += [given, made.detach().clone(), given is made, made.requires_grad]
            own = torch.Generator().manual_seed(3)
            results.append(attempt(getattr(init, name), made, **options, generator=own))
    gains = ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu", "none"]
    results += [attempt(init.calculate_gain, each) for each in gains]
    results += [attempt(init.calculate_gain, "leaky_relu", each) for each in (0.5, "a")]
    return [*results, attempt(init.kaiming_normal_, torch.ones(2, 2), mode="none")]


OF_AVERAGES = (
    Family(
        average_models,
        lambda: [*list_averages(0.8)],
        lambda _: {"use_buffers": False, "decay": 0.8},
    ),
    Family(fuse_layers, lambda: [""], lambda _: {"transposed": False}),
    Family(begin_weights, lambda: [*INITIAL], lambda _: {}),
)
