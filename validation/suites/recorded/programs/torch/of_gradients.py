"""Programs with gradients: checkpoints, autocast, scalers, own functions, hooks and modes."""

from __future__ import annotations

import copy
from typing import Any

import torch

from ... import pool
from ..families import Family
from ..telling import attempt


def make_deep() -> Any:
    """Return a network with dropout."""
    pool.set_seeds()
    layers = [torch.nn.Linear(3, 4), torch.nn.Dropout(0.4), torch.nn.Tanh(), torch.nn.Linear(4, 4)]
    return torch.nn.Sequential(*layers, torch.nn.Dropout(0.3), torch.nn.Linear(4, 2))


def save_memory(
    use_reentrant: bool = False,
    preserve_rng_state: bool = True,
    determinism_check: str = "default",
    early_stop: bool = True,
) -> Any:
    """Return results and gradients of checkpoints, with dropout and several inputs."""
    checkpoints = torch.utils.checkpoint
    net, inputs, counts = make_deep(), pool.make_value("$grown"), [0]
    options = {"use_reentrant": use_reentrant, "preserve_rng_state": preserve_rng_state}

    def run(first: Any, second: Any, factor: float = 1.0) -> Any:
        counts[0] += 1
        return net(first * factor) + second[0], torch.is_grad_enabled()

    results: list[Any] = []
    for step in range(2):
        pool.set_seeds(step)
        own = {} if use_reentrant else {"determinism_check": determinism_check, "factor": 2.0}
        with checkpoints.set_checkpoint_early_stop(early_stop):
            given = checkpoints.checkpoint(run, inputs, (torch.ones(2), 3), **options, **own)
        rest = torch.rand(2)
        given[0].square().sum().backward()
        results += [given, rest, torch.rand(2), inputs.grad.clone(), counts[0]]
    for parts in (1, 2, 3):
        inputs.grad = None
        pool.set_seeds()
        given = checkpoints.checkpoint_sequential(net, parts, inputs, **options)
        given.square().sum().backward()
        results += [given, inputs.grad, [p.grad.clone() for p in net.parameters()]]
    results.append(attempt(checkpoints.checkpoint, run, inputs, use_reentrant=True, factor=2.0))
    return [results, attempt(change_inputs, net, inputs, determinism_check)]


def look_at_types(net: Any, rows: Any) -> list[str]:
    """Return the types that operations give here, and the state of autocast."""
    loss = torch.nn.functional.mse_loss(net[0](rows), torch.ones(4, 4))
    given = (net[0](rows), rows @ rows.T, rows.exp(), rows.sum(), loss)
    state = (torch.is_autocast_enabled("cpu"), torch.is_autocast_cache_enabled())
    return [*(str(each.dtype) for each in given), str(torch.get_autocast_dtype("cpu")), str(state)]


def change_inputs(net: Any, inputs: Any, check: str) -> Any:
    """Return the gradients of a checkpoint that runs otherwise the second time."""
    sizes = [1, 2]

    def run(rows: Any) -> Any:
        return net(rows)[: sizes.pop(0)].sum()

    options: dict[str, Any] = {"use_reentrant": False, "determinism_check": check}
    torch.utils.checkpoint.checkpoint(run, inputs, **options).backward()
    return inputs.grad


def keep_some(kind: str) -> Any:
    """Return how often the parts of a checkpoint run if some results are kept."""
    checkpoints = torch.utils.checkpoint
    counts: list[str] = []
    wanted = torch.ops.aten.mm.default

    def choose(context: Any, operation: Any, *values: Any, **named: Any) -> Any:
        counts.append(f"{operation}{context.is_recompute}")
        policy = checkpoints.CheckpointPolicy
        return policy.MUST_SAVE if operation == wanted else policy.PREFER_RECOMPUTE

    def make_contexts() -> Any:
        chosen = [wanted] if kind == "list" else choose
        return checkpoints.create_selective_checkpoint_contexts(chosen)

    inputs = pool.make_value("$grown")
    weights = pool.make_value("$square").requires_grad_()
    given = checkpoints.checkpoint(
        lambda rows: torch.sigmoid(rows @ weights).exp(),
        inputs,
        use_reentrant=False,
        context_fn=make_contexts,
    )
    given.sum().backward()
    return [given, inputs.grad, weights.grad, counts]


class Scaled(torch.autograd.Function):  # type: ignore[misc] # torch has no types here
    """A function with a gradient of its own, in the type that autocast wants."""

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu")  # type: ignore[untyped-decorator] # torch has no types here
    def forward(context: Any, rows: Any, factor: Any, other: Any = None) -> Any:
        """Return a product."""
        context.save_for_backward(rows)
        context.factor = factor
        context.fast = torch.is_autocast_enabled("cpu")
        return rows @ rows.T * factor

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator] # torch has no types here
    def backward(context: Any, *grads: Any) -> Any:
        """Return the gradient."""
        (rows,) = context.saved_tensors
        given = grads[0] @ rows.to(grads[0].dtype) * context.factor
        return given + torch.is_autocast_enabled("cpu") + context.fast, None, None


class InSingle(Scaled):
    """The same, of inputs that are cast."""

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)  # type: ignore[untyped-decorator] # torch has no types here
    def forward(context: Any, rows: Any, factor: Any, other: Any = None) -> Any:
        """Return a product of rows that are cast."""
        return Scaled.forward(context, rows, factor, other)


def cast_types(dtype: str = "bfloat16", enabled: bool = True, cache_enabled: bool = True) -> Any:
    """Return the types that autocast gives in every nesting, and what becomes of gradients."""
    cast = torch.autocast("cpu", getattr(torch, dtype), enabled, cache_enabled)
    net, rows = pool.make_value("$net"), pool.make_value("$grown")
    results: list[Any] = []

    def look() -> None:
        results.append(attempt(look_at_types, net, rows))

    look()
    with cast:
        look()
        with torch.autocast("cpu", enabled=False):
            look()
            with torch.autocast("cpu", torch.float16):
                look()
        with torch.amp.autocast("cpu"), torch.no_grad():
            look()
        given = net(rows)
        own = [Scaled.apply(rows, 2.0), InSingle.apply(rows.bfloat16(), 2.0, rows)]
        results.append([given, own])
        look()
    look()
    (given.float().sum() + sum(each.float().sum() for each in own)).backward()
    results += [rows.grad.clone(), [p.grad for p in net.parameters()]]
    for _ in range(2):
        cast(look)()
    results += [str(cast.fast_dtype), torch.amp.autocast_mode.is_autocast_available("cpu")]
    for refused in (("none",), (3,), ("cpu", torch.float64), ("cpu", torch.int8)):
        results.append(str(attempt(torch.autocast, *refused))[:9])
    rows.grad = None
    Scaled.apply(rows, 3.0).sum().backward()
    return [results, rows.grad]


def scale_gradients(
    init_scale: float = 1024.0,
    growth_factor: float = 2.0,
    backoff_factor: float = 0.5,
    growth_interval: int = 2,
    enabled: bool = True,
) -> Any:
    """Return the scale and the weights over steps of which some have gradients without end."""
    values = (init_scale, growth_factor, backoff_factor, growth_interval, enabled)
    scaler = torch.amp.GradScaler("cpu", *values)
    net = pool.make_value("$net")
    net[0].bias.requires_grad_(False)
    both = [torch.optim.SGD(net[:2].parameters(), 0.1), torch.optim.Adam(net[2].parameters(), 0.1)]
    results: list[Any] = [scaler.state_dict(), scaler.get_scale(), scaler.is_enabled()]
    for step in range(7):
        results.append(step_scaled(scaler, net, both, step))
        if step == 3:
            state, scaler = scaler.state_dict(), torch.amp.GradScaler("cpu", *values)
            scaler.load_state_dict(state)
            results.append(state)  # what was loaded stays as it was
    scaler.set_growth_factor(3.0)
    scaler.set_backoff_factor(0.3)
    scaler.set_growth_interval(9)
    results += [scaler.get_growth_factor(), scaler.get_backoff_factor()]
    results += [scaler.get_growth_interval(), copy.deepcopy(scaler).state_dict()]
    results.append(attempt(scaler.load_state_dict, {}))
    for wrong in ({"growth_factor": 0.5}, {"backoff_factor": 1.5}):
        results.append(attempt(lambda w=wrong: str(torch.amp.GradScaler("cpu", **w))))
    return results


def step_scaled(scaler: Any, net: Any, both: Any, step: int) -> list[Any]:
    """Return the gradients of a step, what the scaler refuses, and the weights after it."""
    results: list[Any] = []
    for each in both:
        each.zero_grad()
    loss = net(pool.make_value("$x") * (step + 1)).square().mean()
    scaled = scaler.scale([loss, loss * 2])
    scaled[0].backward()
    if step in (2, 5):
        net[2].weight.grad[0, 0] = float("inf" if step == 2 else "nan")
    if step in (1, 2, 3):
        scaler.unscale_(both[1])
        results.append(torch.nn.utils.clip_grad_norm_(net[2].parameters(), 0.5))
        results.append(attempt(scaler.unscale_, both[1]))
    results += [net[2].weight.grad.clone(), scaled]
    results += [[attempt(scaler.step, each) for each in both], scaler.get_scale()]
    results.append(attempt(scaler.step, both[0]))
    scaler.update(*([64.0] if step == 4 else []))
    results += [scaler.get_scale(), scaler.state_dict()]
    return [results, [p.detach().clone() for p in net.parameters()]]


def clip_gradients(
    norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Any:
    """Return gradients that were clipped in every way, with an absent, a large and an odd one."""
    utils, results = torch.nn.utils, []
    options: dict[str, Any] = {"norm_type": norm_type, "error_if_nonfinite": error_if_nonfinite}
    for most, dtype in ((0.5, torch.float32), (1e6, torch.float64), (3.0, torch.float32)):
        net = pool.make_value("$net").to(dtype)
        net[0].bias.requires_grad_(False)
        (net(pool.make_value("$x").to(dtype)) * 4 - 3).square().sum().backward()
        net[0].weight.grad *= 3
        net[1].bias.grad = None
        parameters = [*net.parameters()]
        results += [utils.clip_grad_norm_(parameters, most, foreach=foreach, **options)]
        results += [[p.grad.clone() for p in parameters if p.grad is not None]]
        results += [utils.clip_grad_norm_(net[2].weight, most / 4, foreach=foreach, **options)]
        utils.clip_grad_value_(iter(parameters), most / 8, foreach)
        results += [[p.grad.clone() for p in parameters if p.grad is not None]]
    if hasattr(utils, "get_total_norm"):
        grads = [p.grad for p in parameters if p.grad is not None]
        total = utils.get_total_norm(grads, norm_type, error_if_nonfinite, foreach)
        utils.clip_grads_with_norm_(parameters, 0.1, total * 2, foreach)
        results += [total, [each.clone() for each in grads]]
    parameters[-1].grad[0] = float("nan")
    results.append(attempt(utils.clip_grad_norm_, parameters, 1.0, **options))
    results += [[p.grad for p in parameters], utils.clip_grad_norm_([], 1.0)]
    vector = utils.parameters_to_vector(parameters)
    utils.vector_to_parameters(vector * 2, parameters)
    return [results, vector, parameters, attempt(utils.vector_to_parameters, [1], parameters)]


OF_GRADIENTS = (
    Family(
        save_memory,
        lambda: [""],
        lambda _: {
            **{"use_reentrant": False, "preserve_rng_state": True, "early_stop": True},
            "determinism_check": "default",
        },
    ),
    Family(
        save_memory,
        lambda: ["determinism_check='none'", "use_reentrant=True"],
        lambda _: {"preserve_rng_state": True},
    ),
    Family(keep_some, lambda: ["list", "chosen"], lambda _: {}),
    Family(
        cast_types, lambda: ["", "'float16'"], lambda _: {"enabled": True, "cache_enabled": True}
    ),
    Family(
        scale_gradients,
        lambda: [""],
        lambda _: {
            **{"init_scale": 1024.0, "growth_factor": 2.0, "backoff_factor": 0.5},
            **{"growth_interval": 2, "enabled": True},
        },
    ),
    Family(
        clip_gradients,
        lambda: ["", "norm_type=1.0", "norm_type=3.0"],
        lambda _: {"error_if_nonfinite": False, "foreach": None},
    ),
)
