"""Programs that average, fuse and begin weights."""

from __future__ import annotations

import copy
from typing import Any

import torch

from .. import pool
from .families import Family
from .leaves import collect_leaves, tell_refusal
from .of_weights import make_layer


def average_models(way: str, use_buffers: bool = False, decay: float = 0.8) -> Any:
    """Return averaged weights over steps, their buffers, and those that are loaded."""
    tools = torch.optim.swa_utils
    ways: dict[str, dict[str, Any]] = {
        "mean": {},
        "ema": {"multi_avg_fn": tools.get_ema_multi_avg_fn(decay)},
        "ema_one": {"avg_fn": tools.get_ema_avg_fn(decay)},
        "swa": {"multi_avg_fn": tools.get_swa_multi_avg_fn()},
        "swa_one": {"avg_fn": tools.get_swa_avg_fn()},
        "own": {"avg_fn": lambda old, new, count: old * 0.3 + new * 0.7 + count * 0.01},
    }
    net = pool.make_value("$net")
    net[0].bias.requires_grad_(False)
    averaged = tools.AveragedModel(net, use_buffers=use_buffers, **ways[way])
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.5)
    anneal = "linear" if use_buffers else "cos"
    schedule = tools.SWALR(optimizer, 0.02, 3, anneal)
    results: list[Any] = []
    return finish_average_models(
        (way, use_buffers, tools, ways, net, averaged, optimizer, schedule, results)
    )


def finish_average_models(state: tuple[Any, ...]) -> Any:
    """Return all results of `average_models`."""
    way, use_buffers, tools, ways, net, averaged, optimizer, schedule, results = state
    for step in range(4):
        optimizer.zero_grad()
        net(pool.make_value("$x") + step).square().mean().backward()
        optimizer.step()
        averaged.update_parameters(net)
        schedule.step()
        results += [
            schedule.get_last_lr(),
            averaged.n_averaged.clone(),
            [p.detach().clone() for p in averaged.parameters()],
        ]
        if step == 1:
            torch.save([averaged.state_dict(), schedule.state_dict()], "state.pt")
            averaged = tools.AveragedModel(
                pool.make_value("$net"), use_buffers=use_buffers, **ways[way]
            )
            states = torch.load("state.pt", weights_only=False)
            averaged.load_state_dict(states[0])
            schedule.load_state_dict(states[1])
    results.append([b.clone() for b in averaged.buffers()])
    averaged.eval()
    batches = [(pool.make_value("$x"), 1), [pool.make_value("$x2")], pool.make_value("$x") * 3]
    tools.update_bn(batches, averaged, "cpu" if use_buffers else None)
    return finish_finish_average_models((averaged, net, optimizer, results, tools, ways))


def finish_finish_average_models(state: tuple[Any, ...]) -> Any:
    """Return all results of `finish_average_models`."""
    averaged, net, optimizer, results, tools, ways = state
    results += [
        [*averaged.buffers()],
        averaged.training,
        averaged(pool.make_value("$x")),
        [*averaged.state_dict()],
    ]
    results += [averaged.module[1].momentum, [p.requires_grad for p in averaged.parameters()]]
    results += [
        tell_refusal(tools.get_ema_avg_fn, 1.5),
        tell_refusal(tools.get_ema_multi_avg_fn, -0.1),
    ]
    results += [
        tell_refusal(tools.SWALR, optimizer, 0.1, -1),
        tell_refusal(tools.SWALR, optimizer, 0.1, 3, "none"),
    ]
    both = {
        "avg_fn": ways["ema_one"].get("avg_fn"),
        "multi_avg_fn": ways["ema"].get("multi_avg_fn"),
    }
    results.append(str(tell_refusal(tools.AveragedModel, net, **both))[:20])
    return collect_leaves(results)


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
    return collect_leaves([*results, stateless])


def begin_weights(name: str) -> Any:
    """Return initial values of many shapes with every option, and what is refused."""
    init, shapes = torch.nn.init, ((4, 3), (3, 2, 3), (4, 3, 2, 2), (2, 2, 2, 2, 2), (3,))
    ways: dict[str, list[dict[str, Any]]] = {
        "kaiming_normal_": [{}, {"mode": "fan_out"}, {"a": 0.3}, {"nonlinearity": "relu"}],
        "kaiming_uniform_": [{}, {"mode": "fan_out"}, {"a": 0.3}, {"nonlinearity": "tanh"}],
        "xavier_normal_": [{}, {"gain": 2.0}],
        "xavier_uniform_": [{}, {"gain": 2.0}],
        "uniform_": [{}, {"a": -2.0, "b": 3.0}],
        "normal_": [{}, {"mean": 2.0, "std": 0.3}],
        "trunc_normal_": [{}, {"a": -0.3, "b": 0.2}, {"mean": 1.0, "std": 0.5}],
        "orthogonal_": [{}, {"gain": 2.0}],
        "sparse_": [{"sparsity": 0.4}, {"sparsity": 0.4, "std": 2.0}],
        "dirac_": [{}, {"groups": 2}],
        "eye_": [{}],
        "constant_": [{"val": 0.3}],
        "ones_": [{}],
        "zeros_": [{}],
    }
    results: list[Any] = []
    for shape in shapes:
        for options in ways[name]:
            pool.set_seeds()
            made = torch.nn.Parameter(torch.full(shape, 9.0))
            given = tell_refusal(getattr(init, name), made, **options)
            results += [given, made, given is made, made.requires_grad]
            if name not in ("dirac_", "eye_", "constant_", "ones_", "zeros_"):
                own = torch.Generator().manual_seed(3)
                results.append(tell_refusal(getattr(init, name), made, **options, generator=own))
    gains = ("linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu", "none")
    results += [tell_refusal(init.calculate_gain, each) for each in gains]
    return finish_begin_weights(init, results)


def finish_begin_weights(init: Any, results: Any) -> Any:
    """Return all results of `begin_weights`."""
    results += [
        init.calculate_gain("leaky_relu", 0.5),
        tell_refusal(init.calculate_gain, "leaky_relu", "a"),
    ]
    results += [tell_refusal(init.kaiming_normal_, torch.ones(2, 2), mode="none")]
    return collect_leaves(results)


OF_AVERAGES = (
    Family(
        average_models,
        lambda: ["mean", "ema", "ema_one", "swa", "swa_one", "own"],
        lambda _: {"use_buffers": False, "decay": 0.8},
    ),
    Family(fuse_layers, lambda: [""], lambda _: {"transposed": False}),
    Family(
        begin_weights,
        lambda: [
            *("kaiming_normal_", "kaiming_uniform_", "xavier_normal_", "xavier_uniform_"),
            *("uniform_", "normal_", "trunc_normal_", "orthogonal_", "sparse_", "dirac_", "eye_"),
            *("constant_", "ones_", "zeros_"),
        ],
        lambda _: {},
    ),
)
