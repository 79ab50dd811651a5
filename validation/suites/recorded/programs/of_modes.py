"""Programs with the modes of gradients, and with torch.func."""

from __future__ import annotations

import copy
from typing import Any

import torch

from .. import pool
from .families import Family
from .telling import attempt


def choose_mode(mode: str) -> Any:
    """Return what a mode does to results as a block, as a decorator, nested, and in a generator."""
    with torch.enable_grad():  # what a mode leaves ends here
        return look_in_modes(mode)


def look_in_modes(mode: str) -> Any:
    """Return what a mode does to results."""
    rows = pool.make_value("$grown")
    makers: dict[str, Any] = {
        "no_grad": torch.no_grad,
        "enable_grad": torch.enable_grad,
        "inference_mode": torch.inference_mode,
        "set_grad_off": lambda: torch.set_grad_enabled(False),
        "set_grad_on": lambda: torch.set_grad_enabled(True),
        "inference_off": lambda: torch.inference_mode(False),
        "force_views": lambda: torch.autograd._force_original_view_tracking(True),
    }
    make, results = makers[mode], []

    def look() -> Any:
        given = rows * 2
        state = [torch.is_grad_enabled(), torch.is_inference_mode_enabled()]
        return [given.requires_grad, given.is_inference(), rows[0].requires_grad, *state]

    def count() -> Any:
        for step in range(2):
            sent = yield [step, look()]
            results.append(sent)

    for outer in (torch.no_grad, torch.enable_grad, torch.inference_mode):
        with outer():
            results.append(look())
            with make():
                results.append(look())
            results.append(look())
            results += [make()(look)(), look()]
    return finish_look_in_modes((mode, rows, make, results, look, count))


def finish_look_in_modes(state: tuple[Any, ...]) -> Any:
    """Return all results of `look_in_modes`."""
    mode, rows, make, results, look, count = state
    if mode != "force_views":
        steps = make()(count)()
        results += [next(steps), look(), steps.send(5), look(), attempt(steps.throw, ValueError)]
        results.append([type(each).__name__ for each in (make(), make().clone())])
    with make():
        made, own = rows * 3, torch.nn.Linear(2, 2)
        made_with = torch.ones(2, requires_grad=True)
    results += [made.requires_grad, [p.requires_grad for p in own.parameters()], made_with.is_leaf]
    results += [attempt(lambda: (made * rows).sum().backward()), look()]
    results += [attempt(made.add_, 1), attempt(lambda: made.requires_grad_().sum())]
    return results


def transform_by_grad(func: Any, other: Any, rows: Any, total: Any, both: Any) -> Any:
    """Return the results of one kind."""
    return [
        *(func.grad(total, place)(rows, other, factor=2.0) for place in (0, 1, (0, 1), -1)),
        *(func.grad(both, 1, has_aux=True)(rows, other), func.grad_and_value(total)(rows, other)),
        func.grad_and_value(both, has_aux=True)(rows, other),
    ]


def transform_by_vmap(func: Any, other: Any, rows: Any, total: Any, both: Any) -> Any:
    """Return the results of one kind."""
    return [
        func.vmap(total)(rows, other),
        *(func.vmap(torch.dot, (1, 1))(rows, other), func.vmap(total, (None, 0))(rows, other)),
        func.vmap(torch.mul, (0, None), out_dims=1)(rows, other[0]),
        *(func.vmap(func.grad(total))(rows, other), func.vmap(both, chunk_size=2)(rows, other)),
        func.vmap(lambda a: a + torch.rand(1), randomness="different")(rows[:, 0]),
        func.vmap(lambda a: a + torch.rand(1), randomness="same")(rows[:, 0]),
        attempt(func.vmap(lambda a: a + torch.rand(1)), rows),
        attempt(func.vmap(total, (0, 0, 0)), rows, other),
        attempt(func.vmap(total), rows, other[:2]),
        attempt(func.vmap(lambda a: a.sum().item()), rows),
    ]


def transform_by_jac(func: Any, other: Any, rows: Any, total: Any, both: Any) -> Any:
    """Return the results of one kind."""
    return [
        each(both, place, has_aux=True)(rows[0], other[0])
        for each in (func.jacrev, func.jacfwd)
        for place in (0, (0, 1))
    ] + [func.jacrev(pool.double, chunk_size=2)(rows[0]), func.hessian(total)(rows[0], other[0])]


def transform_by_products(func: Any, other: Any, rows: Any, total: Any, both: Any) -> Any:
    """Return the results of one kind."""
    return [
        func.vjp(total, rows, other)[1](torch.tensor(2.0)),
        func.vjp(both, rows, other, has_aux=True)[2],
        func.jvp(total, (rows, other), (other, rows)),
        func.jvp(both, (rows, other), (other, rows), has_aux=True),
        func.linearize(pool.double, rows)[1](other),
    ]


def transform_by_call(func: Any, rows: Any, net: Any, weights: Any) -> Any:
    """Return the results of one kind."""
    return [
        func.functional_call(net, {"0.bias": torch.ones(4)}, (rows,)),
        func.functional_call(net, (dict([*weights.items()][:2]), {"2.bias": torch.ones(2)}), rows),
        func.grad(lambda w: func.functional_call(net, w, (rows,)).sum())(weights),
        attempt(func.functional_call, net, {"none": rows}, (rows,), strict=True),
        func.stack_module_state([copy.deepcopy(net), net]),
        func.functionalize(lambda a: a.clone().add_(1))(rows),
    ]


def transform_function(kind: str) -> Any:
    """Return what torch.func makes of functions of several values."""
    func, rows, other = torch.func, pool.make_value("$x"), pool.make_value("$x2")

    def total(first: Any, second: Any, factor: float = 1.0) -> Any:
        return (first.sin() * second).sum() * factor

    def both(first: Any, second: Any) -> Any:
        return (first * second).sum(), {"kept": first + second}

    net = pool.make_value("$net").eval()
    weights = {name: each.detach() for name, each in net.named_parameters()}
    ways: dict[str, Any] = {
        "grad": lambda: transform_by_grad(func, other, rows, total, both),
        "vmap": lambda: transform_by_vmap(func, other, rows, total, both),
        "jac": lambda: transform_by_jac(func, other, rows, total, both),
        "products": lambda: transform_by_products(func, other, rows, total, both),
        "call": lambda: transform_by_call(func, rows, net, weights),
    }
    return ways[kind]()


OF_MODES = (
    Family(
        choose_mode,
        lambda: [
            *("no_grad", "enable_grad", "inference_mode", "set_grad_off", "set_grad_on"),
            *("inference_off", "force_views"),
        ],
        lambda _: {},
    ),
    Family(transform_function, lambda: ["grad", "vmap", "jac", "products", "call"], lambda _: {}),
)
