"""Programs that change weights: parametrizations, pruning, averages, initial values and fusing."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.nn.utils import prune

from ... import pool
from ..families import Family
from ..telling import attempt


class Symmetric(torch.nn.Module):  # type: ignore[misc] # torch has no types here
    """A weight that equals its mirror."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Return the whole weight."""
        return weight.triu() + weight.triu(1).transpose(-1, -2)

    def right_inverse(self, weight: torch.Tensor) -> torch.Tensor:
        """Return the half of it."""
        return weight.triu()


class Split(torch.nn.Module):  # type: ignore[misc] # torch has no types here
    """A weight that is the sum of two."""

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Return the sum."""
        return first + second

    def right_inverse(self, weight: torch.Tensor) -> Any:
        """Return the parts."""
        return weight * 0.25, weight * 0.75


def make_layer(kind: str = "Linear") -> Any:
    """Return a layer."""
    pool.set_seeds()
    if kind == "Linear":
        return torch.nn.Linear(3, 3)
    return torch.nn.ConvTranspose2d(3, 4, 2) if kind == "Transposed" else torch.nn.Conv2d(3, 4, 2)


def tell_layer(layer: Any) -> list[Any]:
    """Return the outputs of a layer, its names and its gradients."""
    layer.zero_grad()
    size = layer.weight.shape
    rows = torch.ones(2, 3, 4, 4) if len(size) == 4 else pool.make_value("$x")
    given = layer(rows)
    given.square().sum().backward()
    named = [(n, p.requires_grad, p.grad) for n, p in layer.named_parameters()]
    buffers = [(n, b.clone()) for n, b in layer.named_buffers()]
    return [given, named, buffers, [*layer.state_dict()], layer.weight]


def parametrize_layer(unsafe: bool = False, leave: bool = True) -> Any:
    """Return a layer with parametrized weights: used, saved, loaded, changed and without them."""
    tools = torch.nn.utils.parametrize
    layer = make_layer()
    layer.weight.requires_grad_(False)
    tools.register_parametrization(layer, "weight", Symmetric(), unsafe=unsafe)
    results: list[Any] = [layer.parametrizations.weight.original.requires_grad]
    layer.weight.requires_grad, layer.parametrizations.weight.original.requires_grad = True, True
    results += [tell_layer(layer), repr(layer), type(layer).__name__]
    tools.register_parametrization(layer, "bias", Split(), unsafe=unsafe)
    tools.register_parametrization(layer, "weight", torch.nn.Tanh(), unsafe=True)
    results += [tell_layer(layer), *(tools.is_parametrized(layer, n) for n in ("bias", "x", None))]
    with tools.cached():
        results.append(layer.weight is layer.weight)
    results.append(layer.weight is layer.weight)
    layer.bias = torch.ones(3)
    torch.save(layer.state_dict(), "state.pt")
    other = make_layer()
    tools.register_parametrization(other, "weight", Symmetric())
    tools.register_parametrization(other, "bias", Split())
    results += [attempt(torch.save, layer, "layer.pt"), tell_layer(copy.deepcopy(other))]
    other.load_state_dict(torch.load("state.pt"))
    tools.transfer_parametrizations_and_params(other, plain := make_layer())
    results += [tools.type_before_parametrizations(plain).__name__, tell_layer(plain)]
    return [results, tell_layer(other), *remove_parametrizations(other, leave)]


def remove_parametrizations(layer: Any, leave: bool) -> list[Any]:
    """Return what is refused of parametrizations, and a layer without them."""
    tools = torch.nn.utils.parametrize
    wrong = (
        ("none", Symmetric()),
        ("weight", torch.nn.Flatten(0)),
        ("bias", torch.nn.Linear(3, 1)),
    )
    results = [attempt(tools.register_parametrization, make_layer(), *each) for each in wrong]
    results.append(attempt(setattr, copy.deepcopy(layer), "weight", torch.ones(2, 2)))
    tools.remove_parametrizations(layer, "weight", leave)
    tools.remove_parametrizations(layer, "bias")
    return [*results, attempt(tools.remove_parametrizations, layer, "bias"), tell_layer(layer)]


def normalize_weight(kind: str, layer: str = "Linear", **options: Any) -> Any:
    """Return a layer with normalized weights over steps in training and after it, and without."""
    utils, new = torch.nn.utils, torch.nn.utils.parametrizations
    old = {"old_weight_norm": utils.weight_norm, "old_spectral_norm": utils.spectral_norm}
    ways = {name: getattr(new, name) for name in ("weight_norm", "spectral_norm", "orthogonal")}
    wrap = {**ways, **old}[kind]

    def make() -> Any:
        wide = torch.nn.Linear(3, 3 if layer == "Linear" else 5)
        return wrap(make_layer(layer) if kind != "orthogonal" else wide, "weight", **options)

    normal = make()
    results: list[Any] = [tell_layer(normal), repr(normal)]
    torch.optim.SGD(normal.parameters(), 0.1).step()
    results += [tell_layer(normal), tell_layer(normal.eval()), tell_layer(normal)]
    other = copy.deepcopy(normal) if kind == "orthogonal" else make()
    other.load_state_dict(copy.deepcopy(normal.state_dict()))
    results.append(tell_layer(other.train()))
    if kind in ("orthogonal", "weight_norm") and normal.weight.dim() == 2:
        wanted = torch.eye(*normal.weight.shape) * 2
        results += [attempt(setattr, normal, "weight", wanted), normal.weight.detach()]
    if kind in old:
        results.append(attempt(lambda: repr(wrap(normal, "weight", **options))))
        remove = getattr(utils, kind.replace("old", "remove"))
        results += [tell_layer(remove(normal)), attempt(lambda: repr(remove(normal)))]
    else:
        utils.parametrize.remove_parametrizations(normal, "weight")
        results += [tell_layer(normal), attempt(lambda: repr(wrap(normal, "none")))]
    return results


PRUNINGS: dict[str, Any] = {
    "l1": lambda one, amount, _: prune.l1_unstructured(one, "weight", amount),
    "l1_scores": lambda one, amount, _: prune.l1_unstructured(
        one, "weight", amount, one.weight.detach()
    ),
    "random": lambda one, amount, _: prune.random_unstructured(one, "weight", amount),
    "ln": lambda one, amount, rows: prune.ln_structured(one, "weight", amount, 2, rows),
    "ln_max": lambda one, amount, rows: prune.ln_structured(
        one, "weight", amount, float("inf"), rows
    ),
    "random_rows": lambda one, amount, rows: prune.random_structured(one, "weight", amount, rows),
    "custom": lambda one, *_: prune.custom_from_mask(one, "weight", one.weight.detach() > 0),
    "identity": lambda one, *_: prune.identity(one, "weight"),
}


OF_NORMS: dict[str, dict[str, Any]] = {
    "weight_norm": {"dim": 0},
    "old_weight_norm": {"dim": 0},
    "spectral_norm": {"n_power_iterations": 1, "eps": 1e-12, "dim": 0},
    "old_spectral_norm": {"n_power_iterations": 1, "eps": 1e-12, "dim": 0},
    "orthogonal": {"orthogonal_map": None, "use_trivialization": True},
}


def prune_layers(kind: str, amount: Any = 0.4, rows: int = 0) -> Any:
    """Return masks and weights of pruning in one and two steps, copied, and made permanent."""
    layer, conv = make_layer(), make_layer("Conv2d")
    if kind == "global":
        pairs = [(layer, "weight"), (conv, "weight"), (conv, "bias")]
        prune.global_unstructured(pairs, prune.L1Unstructured, amount=amount)
    else:
        for each in (layer, conv):
            PRUNINGS[kind](each, amount, rows)
    results: list[Any] = [tell_layer(layer), tell_layer(conv), prune.is_pruned(layer)]
    prune.l1_unstructured(layer, "weight", 2)
    prune.random_unstructured(layer, "bias", 1)
    hooks = [*layer._forward_pre_hooks.values()]
    parts = [each for hook in hooks for each in getattr(hook, "_pruning_methods", [])]
    results += [tell_layer(layer), [type(each).__name__ for each in (*hooks, *parts)]]
    with torch.no_grad():
        layer(torch.ones(1, 3))  # what is copied must not depend on gradients
        copied = copy.deepcopy(layer)
        copied.weight_orig += 1
    results += [tell_layer(copied), tell_layer(prune.remove(copied, "weight"))]
    refused = (
        lambda: prune.remove(copied, "weight"),
        lambda: prune.l1_unstructured(copied, "bias", 1.5),
        lambda: prune.ln_structured(copied, "weight", 9, 2, 0),
        lambda: prune.l1_unstructured(copied, "weight", -1),
        lambda: prune.ln_structured(copied, "weight", 1, 2, 7),
    )
    return [results, prune.is_pruned(copied), *(type(attempt(e)).__name__ for e in refused)]


NORMS = ("1", "2", "3", "0.5", "0", "'inf'", "'-inf'", "'fro'", "'nuc'")
"""What measures a part of a weight: each would keep others."""


def prune_parts(norm: float | str, count: int = 4) -> list[Any]:
    """Return which parts of a weight a norm leaves, along each dimension, alone and after others.

    The parts have a few large numbers or many small ones, so norms differ about them.
    """
    norm = float(norm) if norm in ("inf", "-inf") else norm
    sizes = torch.arange(1, 9.0)
    weight = torch.stack([(sizes * (row + 1)).sin().abs() ** (row + 1) for row in range(8)])
    weight = torch.stack([weight * 4 ** (-row / 4) for row in range(3)], 1)[:, :, :6]
    results: list[Any] = []
    for dim in (0, 1, 2, -1):
        left = min(count, weight.shape[dim] - 1)
        for scores in (None, weight.flip(0)):
            layer = torch.nn.Conv1d(3, 8, 6)
            layer.weight.data.copy_(weight)
            refused = attempt(prune.ln_structured, layer, "weight", left, norm, dim, scores)
            results.append(getattr(layer, "weight_mask", str(refused)))
            attempt(prune.random_structured, layer, "weight", 0.4, dim)
            results += [[*layer.state_dict()], getattr(layer, "weight_mask", "")]
    method = prune.LnStructured(count, norm, 0)
    results += [attempt(method.compute_mask, weight, torch.ones_like(weight)), method.amount]
    return [*results, attempt(method.prune, weight), method.PRUNING_TYPE, method.dim, method.n]


OF_WEIGHTS = (
    Family(prune_parts, lambda: [*NORMS], lambda _: {"count": 2}),
    Family(parametrize_layer, lambda: [""], lambda _: {"unsafe": False, "leave": True}),
    Family(
        normalize_weight,
        lambda: [
            *OF_NORMS,
            *(f"'{name}','Conv2d'" for name in OF_NORMS),
            *(f"'{name}','Transposed'" for name in OF_NORMS if name != "orthogonal"),
        ],
        lambda name: OF_NORMS[name.partition(",")[0].strip("'")],
    ),
    Family(prune_layers, lambda: [*PRUNINGS, "global"], lambda _: {"amount": 2, "rows": 0}),
)
