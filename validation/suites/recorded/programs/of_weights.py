"""Programs that change weights: parametrizations, pruning, averages, initial values and fusing."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.nn.utils import prune

from .. import pool
from .families import Family
from .telling import attempt


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
    results += [tell_layer(layer), repr(layer), tools.is_parametrized(layer), type(layer).__name__]
    tools.register_parametrization(layer, "bias", Split(), unsafe=unsafe)
    tools.register_parametrization(layer, "weight", torch.nn.Tanh(), unsafe=True)
    results += [
        tell_layer(layer),
        tools.is_parametrized(layer, "bias"),
        tools.is_parametrized(layer, "x"),
    ]
    with tools.cached():
        results.append(layer.weight is layer.weight)
    results.append(layer.weight is layer.weight)
    layer.bias = torch.ones(3)
    torch.save(layer.state_dict(), "state.pt")
    other = make_layer()
    tools.register_parametrization(other, "weight", Symmetric())
    tools.register_parametrization(other, "bias", Split())
    other.load_state_dict(torch.load("state.pt"))
    results += [
        tell_layer(other),
        attempt(torch.save, layer, "layer.pt"),
        tell_layer(copy.deepcopy(other)),
    ]
    tools.transfer_parametrizations_and_params(other, plain := make_layer())
    return finish_parametrize_layer(leave, tools, results, other, plain)


def finish_parametrize_layer(leave: Any, tools: Any, results: Any, other: Any, plain: Any) -> Any:
    """Return all results of `parametrize_layer`."""
    results += [tools.type_before_parametrizations(plain).__name__, tell_layer(plain)]
    refused = (
        ("none", Symmetric()),
        ("weight", torch.nn.Flatten(0)),
        ("bias", torch.nn.Linear(3, 1)),
    )
    results += [attempt(tools.register_parametrization, make_layer(), *each) for each in refused]
    results += [attempt(setattr, copy.deepcopy(other), "weight", torch.ones(2, 2))]
    for name, kept in (("weight", leave), ("bias", True)):
        results.append(attempt(tools.remove_parametrizations, other, name, kept))
    results += [attempt(tools.remove_parametrizations, other, "bias"), tell_layer(other)]
    return [each for each in results if not isinstance(each, torch.nn.Module)]


def normalize_weight(kind: str, layer: str = "Linear", **options: Any) -> Any:
    """Return a layer with normalized weights over steps in training and after it, and without."""
    utils, new = torch.nn.utils, torch.nn.utils.parametrizations
    made = make_layer(layer)
    if kind == "orthogonal":
        made = torch.nn.Linear(3, 3 if layer == "Linear" else 5)
    ways: dict[str, Any] = {
        "weight_norm": new.weight_norm,
        "spectral_norm": new.spectral_norm,
        "orthogonal": new.orthogonal,
        "old_weight_norm": utils.weight_norm,
        "old_spectral_norm": utils.spectral_norm,
    }
    normal = ways[kind](made, "weight", **options)
    results: list[Any] = [tell_layer(normal), repr(normal)]
    optimizer = torch.optim.SGD(normal.parameters(), 0.1)
    optimizer.step()
    results += [tell_layer(normal), tell_layer(normal.eval()), tell_layer(normal)]
    state = copy.deepcopy(normal.state_dict())
    pool.set_seeds(5)
    other = (
        ways[kind](
            make_layer(layer) if kind != "orthogonal" else copy.deepcopy(made), "weight", **options
        )
        if kind != "orthogonal"
        else copy.deepcopy(normal)
    )
    other.load_state_dict(state)
    results.append(tell_layer(other.train()))
    return finish_normalize_weight((kind, options, utils, made, ways, normal, results))


def finish_normalize_weight(state: tuple[Any, ...]) -> Any:
    """Return all results of `normalize_weight`."""
    kind, options, utils, made, ways, normal, results = state
    if kind in ("orthogonal", "weight_norm") and made.weight.dim() == 2:
        results.append(attempt(setattr, normal, "weight", torch.eye(*made.weight.shape) * 2))
        results.append(normal.weight)
    results.append(attempt(ways[kind], normal, "weight", **options) if kind[:3] == "old" else None)
    remove = {
        "old_weight_norm": utils.remove_weight_norm,
        "old_spectral_norm": utils.remove_spectral_norm,
    }
    if kind in remove:
        results += [tell_layer(remove[kind](normal)), attempt(remove[kind], normal)]
    else:
        utils.parametrize.remove_parametrizations(normal, "weight")
        results += [tell_layer(normal), attempt(ways[kind], normal, "none")]
    return [each if not isinstance(each, torch.nn.Module) else 1 for each in results]


OF_NORMS: dict[str, dict[str, Any]] = {
    "weight_norm": {"dim": 0},
    "old_weight_norm": {"dim": 0},
    "spectral_norm": {"n_power_iterations": 1, "eps": 1e-12, "dim": 0},
    "old_spectral_norm": {"n_power_iterations": 1, "eps": 1e-12, "dim": 0},
    "orthogonal": {"orthogonal_map": None, "use_trivialization": True},
}


def prune_layers(kind: str, amount: Any = 0.4, rows: int = 0) -> Any:
    """Return masks and weights of pruning in one and two steps, saved, and made permanent."""
    layer, conv = make_layer(), make_layer("Conv2d")
    ways: dict[str, Any] = {
        "l1": lambda one: prune.l1_unstructured(one, "weight", amount),
        "l1_scores": lambda one: prune.l1_unstructured(one, "weight", amount, one.weight.detach()),
        "random": lambda one: prune.random_unstructured(one, "weight", amount),
        "ln": lambda one: prune.ln_structured(one, "weight", amount, 2, rows),
        "ln_max": lambda one: prune.ln_structured(one, "weight", amount, float("inf"), rows),
        "random_rows": lambda one: prune.random_structured(one, "weight", amount, rows),
        "custom": lambda one: prune.custom_from_mask(one, "weight", one.weight.detach() > 0),
        "identity": lambda one: prune.identity(one, "weight"),
    }
    if kind == "global":
        pairs = [(layer, "weight"), (conv, "weight"), (conv, "bias")]
        prune.global_unstructured(pairs, prune.L1Unstructured, amount=amount)
    else:
        ways[kind](layer), ways[kind](conv)
    results: list[Any] = [tell_layer(layer), tell_layer(conv), prune.is_pruned(layer)]
    prune.l1_unstructured(layer, "weight", 2)
    prune.random_unstructured(layer, "bias", 1)
    results += [tell_layer(layer), [type(h).__name__ for h in layer._forward_pre_hooks.values()]]
    results += [
        [
            type(each).__name__
            for h in layer._forward_pre_hooks.values()
            for each in getattr(h, "_pruning_methods", [])
        ]
    ]
    return finish_prune_layers(layer, results)


def finish_prune_layers(layer: Any, results: Any) -> Any:
    """Return all results of `prune_layers`."""
    with torch.no_grad():
        layer(torch.ones(1, 3))  # what is copied must not depend on gradients
        copied = copy.deepcopy(layer)
        copied.weight_orig += 1
    results += [
        tell_layer(copied),
        tell_layer(prune.remove(copied, "weight")),
        prune.is_pruned(copied),
    ]
    results += [
        attempt(prune.remove, copied, "weight"),
        attempt(prune.l1_unstructured, copied, "bias", 1.5),
    ]
    results += [
        attempt(prune.ln_structured, copied, "weight", 9, 2, 0),
        attempt(prune.l1_unstructured, copied, "weight", -1),
    ]
    results += [attempt(prune.ln_structured, copied, "weight", 1, 2, 7)]
    return [1 if isinstance(each, torch.nn.Module) else each for each in results]


OF_WEIGHTS = (
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
    Family(
        prune_layers,
        lambda: [
            "l1",
            "l1_scores",
            "random",
            "ln",
            "ln_max",
            "random_rows",
            "custom",
            "identity",
            "global",
        ],
        lambda _: {"amount": 2, "rows": 0},
    ),
)
