"""torch's optimizers against their published definitions, in every implementation torch has."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from . import databases
from .operators import ReferenceComparison, measure_difference

STEPS = 6
SHAPES = ((4, 3), (5,))
LIMIT = 1e-6
"""Largest difference of a parameter allowed, relative to the largest.

Some implementations keep their counts and rates in fp32.
"""

Option = Any
State = dict[Any, Any]
"""What an optimizer remembers of a parameter."""


def _decay_gradient(value: Any, slope: Any, options: Option) -> Any:
    slope = -slope if options.get("maximize") else slope
    return slope + options["weight_decay"] * value if "weight_decay" in options else slope


def step_sgd(value: Any, slope: Any, state: State, options: Option) -> Any:
    """Stochastic gradient descent with momentum; the first step is not dampened."""
    slope = _decay_gradient(value, slope, options)
    momentum = options["momentum"]
    if momentum:
        first = "moved" not in state
        before = state.get("moved", 0)
        state["moved"] = slope if first else momentum * before + (1 - options["dampening"]) * slope
        slope = slope + momentum * state["moved"] if options["nesterov"] else state["moved"]
    return value - options["lr"] * slope


def step_adam(value: Any, slope: Any, state: State, options: Option) -> Any:
    """Adam, by Kingma and Ba."""
    if options.get("decoupled_weight_decay"):
        value = value * (1 - options["lr"] * options["weight_decay"])
        slope = -slope if options.get("maximize") else slope
    else:
        slope = _decay_gradient(value, slope, options)
    mean, square = _average_moments(slope, state, options["betas"])
    if options.get("amsgrad"):
        square = state["largest"] = np.maximum(state.get("largest", 0), square)
    first, second = (1 - beta ** state["step"] for beta in options["betas"])
    return value - options["lr"] * (mean / first) / (np.sqrt(square / second) + options["eps"])


def step_adamw(value: Any, slope: Any, state: State, options: Option) -> Any:
    """Adam whose decay is not a part of the gradient, by Loshchilov and Hutter."""
    return step_adam(value, slope, state, {**options, "decoupled_weight_decay": True})


def _average_moments(slope: Any, state: State, betas: Any) -> tuple[Any, Any]:
    state["mean"] = betas[0] * state.get("mean", 0) + (1 - betas[0]) * slope
    state["square"] = betas[1] * state.get("square", 0) + (1 - betas[1]) * slope**2
    return state["mean"], state["square"]


def step_nadam(value: Any, slope: Any, state: State, options: Option) -> Any:
    """Adam with Nesterov's momentum, by Dozat."""
    decoupled = options.get("decoupled_weight_decay")
    decayed = value * (1 - options["lr"] * options["weight_decay"]) if decoupled else value
    own = {**options, "weight_decay": 0} if decoupled else options
    slope = _decay_gradient(value, slope, own)
    beta, step = options["betas"], state["step"]
    mean, square = _average_moments(slope, state, beta)
    now, later = (
        beta[0] * (1 - 0.5 * 0.96 ** (at * options["momentum_decay"])) for at in (step, step + 1)
    )
    state["product"] = state.get("product", 1) * now
    scale = np.sqrt(square / (1 - beta[1] ** step)) + options["eps"]
    ahead = later * mean / (1 - state["product"] * later)
    return decayed - options["lr"] * ((1 - now) * slope / (1 - state["product"]) + ahead) / scale


def step_radam(value: Any, slope: Any, state: State, options: Option) -> Any:
    """Rectified Adam, by Liu and others."""
    decoupled = options.get("decoupled_weight_decay")
    decayed = value * (1 - options["lr"] * options["weight_decay"]) if decoupled else value
    slope = _decay_gradient(value, slope, {**options, "weight_decay": 0} if decoupled else options)
    beta, step = options["betas"], state["step"]
    mean, square = _average_moments(slope, state, beta)
    mean = mean / (1 - beta[0] ** step)
    most = 2 / (1 - beta[1]) - 1
    length = most - 2 * step * beta[1] ** step / (1 - beta[1] ** step)
    if length <= 5:
        return decayed - options["lr"] * mean
    part = (length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)
    adapted = np.sqrt(1 - beta[1] ** step) / (np.sqrt(square) + options["eps"])
    return decayed - options["lr"] * mean * np.sqrt(part) * adapted


def step_adamax(value: Any, slope: Any, state: State, options: Option) -> Any:
    """Adam with the largest gradient, by Kingma and Ba."""
    slope = _decay_gradient(value, slope, options)
    beta = options["betas"]
    state["mean"] = beta[0] * state.get("mean", 0) + (1 - beta[0]) * slope
    state["largest"] = np.maximum(
        beta[1] * state.get("largest", np.zeros_like(slope)), np.abs(slope) + options["eps"]
    )
    return value - options["lr"] / (1 - beta[0] ** state["step"]) * state["mean"] / state["largest"]


def step_adagrad(value: Any, slope: Any, state: State, options: Option) -> Any:
    """A rate for each parameter, by Duchi and others."""
    slope = _decay_gradient(value, slope, options)
    state["sum"] = state.get("sum", options["initial_accumulator_value"]) + slope**2
    rate = options["lr"] / (1 + (state["step"] - 1) * options["lr_decay"])
    return value - rate * slope / (np.sqrt(state["sum"]) + options["eps"])


def step_adadelta(value: Any, slope: Any, state: State, options: Option) -> Any:
    """Steps as long as the last ones, by Zeiler."""
    slope = _decay_gradient(value, slope, options)
    rho, eps = options["rho"], options["eps"]
    state["square"] = rho * state.get("square", 0) + (1 - rho) * slope**2
    moved = np.sqrt(state.get("moves", 0) + eps) / np.sqrt(state["square"] + eps) * slope
    state["moves"] = rho * state.get("moves", 0) + (1 - rho) * moved**2
    return value - options["lr"] * moved


def step_rmsprop(value: Any, slope: Any, state: State, options: Option) -> Any:
    """Gradients over the root of their mean square, by Hinton."""
    slope = _decay_gradient(value, slope, options)
    share = options["alpha"]
    state["square"] = share * state.get("square", 0) + (1 - share) * slope**2
    spread = state["square"]
    if options["centered"]:
        state["mean"] = share * state.get("mean", 0) + (1 - share) * slope
        spread = spread - state["mean"] ** 2
    moved = slope / (np.sqrt(spread) + options["eps"])
    if options["momentum"]:
        moved = state["moved"] = options["momentum"] * state.get("moved", 0) + moved
    return value - options["lr"] * moved


def step_rprop(value: Any, slope: Any, state: State, options: Option) -> Any:
    """Steps by the sign of the gradient alone, by Riedmiller and Braun."""
    slope = -slope if options.get("maximize") else slope
    less, more = options["etas"]
    signs = np.sign(slope * state.get("last", np.zeros_like(slope)))
    factor = np.where(signs > 0, more, np.where(signs < 0, less, 1))
    size = state.get("size", np.full_like(slope, options["lr"]))
    state["size"] = np.clip(size * factor, *options["step_sizes"])
    state["last"] = np.where(signs < 0, 0, slope)
    return value - np.sign(state["last"]) * state["size"]


def step_asgd(value: Any, slope: Any, state: State, options: Option) -> Any:
    """Gradient descent whose rate falls, by Polyak and Juditsky."""
    slope = _decay_gradient(value, slope, options)
    rate = state.get("rate", options["lr"])
    step = state["step"]
    state["rate"] = (
        options["lr"] / (1 + options["lambd"] * options["lr"] * step) ** options["alpha"]
    )
    return value * (1 - options["lambd"] * rate) - rate * slope


def step_adafactor(value: Any, slope: Any, state: State, options: Option) -> Any:
    """Second moments by their rows and columns, by Shazeer and Stern."""
    slope = -slope if options.get("maximize") else slope
    first, second = options["eps"]
    first = np.finfo(value.dtype).eps if first is None else first
    share = float(state["step"]) ** options["beta2_decay"]
    size = np.sqrt((value**2).mean())
    rate = max(second, size) * min(options["lr"], 1 / np.sqrt(state["step"]))
    value = value * (1 - options["lr"] * options["weight_decay"])
    parts = [(-1,), (-2,)] if slope.ndim > 1 else [()]
    kept = []
    for number, axes in enumerate(parts):
        square = (slope**2).mean(axis=axes, keepdims=True) if axes else slope**2
        kept.append((1 - share) * state.get(number, 0) + share * square)
        state[number] = kept[-1]
    spread = kept[0]
    if slope.ndim > 1:
        spread = kept[0] * kept[1] / np.maximum(kept[0].mean(axis=-2, keepdims=True), first)
    moved = slope / np.sqrt(np.maximum(spread, first**2))
    return value - rate * moved / max(1, np.sqrt((moved**2).mean()) / options["d"])


DEFINITIONS: dict[str, Callable[..., Any]] = {
    "SGD": step_sgd,
    "Adam": step_adam,
    "AdamW": step_adamw,
    "NAdam": step_nadam,
    "RAdam": step_radam,
    "Adamax": step_adamax,
    "Adagrad": step_adagrad,
    "Adadelta": step_adadelta,
    "RMSprop": step_rmsprop,
    "Rprop": step_rprop,
    "ASGD": step_asgd,
    "Adafactor": step_adafactor,
}


def compare_optimizers(device: str) -> ReferenceComparison:
    """Compare every optimizer with its definition, for each of its options and implementations."""
    compared, wrong = 0, []
    for info in databases.list_optimizers():
        definition = DEFINITIONS.get(info.name)
        for options in list_options(info, device) if definition else ():
            compared += 1
            got = run_optimizer(info.optim_cls, options, device)
            apart = measure_difference(got, run_definition(definition, info.optim_cls, options))
            if not apart <= LIMIT:
                label = ", ".join(f"{name}={value}" for name, value in options.items())
                wrong.append(f"{info.name}({label}) is off by {apart:.1e} after {STEPS} steps")
    return ReferenceComparison(compared, tuple(wrong))


def list_options(info: Any, device: str) -> Iterator[dict[str, Any]]:
    """Yield the options of the database, each in all implementations."""
    kind = torch.device(device).type
    known = inspect.signature(info.optim_cls.__init__).parameters
    for each in info.optim_inputs_func(device=torch.device(device)):
        implementations: list[dict[str, Any]] = [{}]
        implementations += [{"foreach": True}, {"foreach": False}] if "foreach" in known else []
        implementations += [{"fused": True}] if kind in info.supports_fused_on else []
        for implementation in implementations:
            options = {**each.kwargs, **implementation}
            tensor = torch.is_tensor(options.get("lr"))
            if not (tensor and implementation.get("foreach") and not options.get("capturable")):
                yield options


def draw_parameters(device: str, seed: int = 0, dtype: Any = torch.float64) -> list[Any]:
    """Return parameters that depend on the seed alone."""
    generator = torch.Generator().manual_seed(seed)
    drawn = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in SHAPES]
    return [torch.nn.Parameter(each.to(device, dtype)) for each in drawn]


def draw_gradients(step: int) -> list[Any]:
    """Return the gradients of a step; they do not depend on the parameters."""
    generator = torch.Generator().manual_seed(1000 + step)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in SHAPES]


def run_optimizer(kind: Any, options: dict[str, Any], device: str) -> list[Any]:
    """Return the parameters after STEPS steps of the optimizer, the second in its own group."""
    first, second = draw_parameters(device)
    optimizer = kind(
        [{"params": [first]}, {"params": [second], **second_group(options)}], **options
    )
    for step in range(STEPS):
        for parameter, gradient in zip((first, second), draw_gradients(step), strict=True):
            parameter.grad = gradient.to(device)
        optimizer.step()
    return [first, second]


def second_group(options: dict[str, Any]) -> dict[str, Any]:
    """Return options that the second group has for itself."""
    return {} if torch.is_tensor(options.get("lr")) else {"lr": 0.02}


def run_definition(definition: Any, kind: Any, options: dict[str, Any]) -> list[Any]:
    """Return the parameters after STEPS steps of the definition."""
    known = inspect.signature(kind.__init__).parameters
    defaults = {
        name: each.default
        for name, each in known.items()
        if each.default is not inspect.Parameter.empty
    }
    everything = {
        name: float(value) if torch.is_tensor(value) else value
        for name, value in {**defaults, **options}.items()
    }
    values = [each.detach().numpy().copy() for each in draw_parameters("cpu")]
    for number, own in enumerate(({}, second_group(options))):
        state: State = {}
        for step in range(STEPS):
            state["step"] = step + 1
            gradient = draw_gradients(step)[number].numpy()
            values[number] = definition(values[number], gradient, state, {**everything, **own})
    return values
