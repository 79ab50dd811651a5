"""Programs with the modes of gradients, and with torch.func."""

from __future__ import annotations

import copy
from typing import Any

import torch

from ... import pool
from ..families import Family
from ..telling import attempt

MODES: dict[str, Any] = {
    "no_grad": torch.no_grad,
    "enable_grad": torch.enable_grad,
    "inference_mode": torch.inference_mode,
    "set_grad_off": lambda: torch.set_grad_enabled(False),
    "set_grad_on": lambda: torch.set_grad_enabled(True),
    "inference_off": lambda: torch.inference_mode(False),
    "force_views": lambda: torch.autograd._force_original_view_tracking(True),
}


def choose_mode(mode: str) -> Any:
    """Return what a mode does to results as a block, as a decorator, nested, and in a generator."""
    make, rows, results = MODES[mode], pool.make_value("$grown"), []

    def look() -> Any:
        given = rows * 2
        state = [torch.is_grad_enabled(), torch.is_inference_mode_enabled()]
        return [given.requires_grad, given.is_inference(), rows[0].requires_grad, *state]

    def count() -> Any:
        for step in range(2):
            results.append((yield [step, look()]))

    with torch.enable_grad():  # what a mode leaves ends here
        for outer in (torch.no_grad, torch.enable_grad, torch.inference_mode):
            with outer():
                results.append(look())
                with make():
                    results.append(look())
                results += [look(), make()(look)(), look()]
        if mode != "force_views":
            steps = make()(count)()
            results += [next(steps), look(), steps.send(5), look()]
            results += [attempt(steps.throw, ValueError), type(make().clone()).__name__]
        with make():
            made, net, one = rows * 3, torch.nn.Linear(2, 2), torch.ones(2, requires_grad=True)
        results += [made.requires_grad, [p.requires_grad for p in net.parameters()], one.is_leaf]
        results += [attempt(lambda: (made * rows).sum().backward()), look()]
        results += [attempt(made.add_, 1), attempt(lambda: made.requires_grad_().sum())]
    return results


def sum_product(first: Any, second: Any, factor: float = 1.0) -> Any:
    """Return one number of two values."""
    return (first.sin() * second).sum() * factor


def sum_and_keep(first: Any, second: Any) -> Any:
    """Return one number of two values, and something besides."""
    return (first * second).sum(), {"kept": first + second}


def take_gradients(func: Any, rows: Any, other: Any) -> Any:
    """Return gradients by each of two values and by both, with and without the result."""
    places = (0, 1, (0, 1), -1)
    return [
        *(func.grad(sum_product, place)(rows, other, factor=2.0) for place in places),
        func.grad(sum_and_keep, 1, has_aux=True)(rows, other),
        func.grad_and_value(sum_product)(rows, other),
        func.grad_and_value(sum_and_keep, has_aux=True)(rows, other),
    ]


def map_batches(func: Any, rows: Any, other: Any) -> Any:
    """Return what a function gives for each item of a batch, and what is refused."""
    vmap = func.vmap
    return [
        *(vmap(sum_product)(rows, other), vmap(torch.dot, (1, 1))(rows, other)),
        *(vmap(sum_product, (None, 0))(rows, other), vmap(func.grad(sum_product))(rows, other)),
        vmap(torch.mul, (0, None), out_dims=1)(rows, other[0]),
        vmap(sum_and_keep, chunk_size=2)(rows, other),
        *(
            attempt(vmap(lambda a: a + torch.rand(1), randomness=way), rows[:, 0])
            for way in ("different", "same", "error")
        ),
        attempt(vmap(sum_product, (0, 0, 0)), rows, other),
        attempt(vmap(sum_product), rows, other[:2]),
        attempt(vmap(lambda a: a.sum().item()), rows),
    ]


def take_jacobians(func: Any, rows: Any, other: Any) -> Any:
    """Return derivatives of several results."""
    return [
        *(
            each(sum_and_keep, place, has_aux=True)(rows[0], other[0])
            for each in (func.jacrev, func.jacfwd)
            for place in (0, (0, 1))
        ),
        func.jacrev(pool.double, chunk_size=2)(rows[0]),
        func.hessian(sum_product)(rows[0], other[0]),
    ]


def take_products(func: Any, rows: Any, other: Any) -> Any:
    """Return products of derivatives and vectors."""
    both = (rows, other)
    return [
        func.vjp(sum_product, *both)[1](torch.tensor(2.0)),
        func.vjp(sum_and_keep, *both, has_aux=True)[2],
        func.jvp(sum_product, both, both[::-1]),
        func.jvp(sum_and_keep, both, both[::-1], has_aux=True),
        func.linearize(pool.double, rows)[1](other),
    ]


def call_with_weights(func: Any, rows: Any, _: Any) -> Any:
    """Return what a network gives with other weights."""
    call, net = func.functional_call, pool.make_value("$net").eval()
    weights = {name: each.detach() for name, each in net.named_parameters()}
    return [
        call(net, {"0.bias": torch.ones(4)}, (rows,)),
        call(net, (dict([*weights.items()][:2]), {"2.bias": torch.ones(2)}), rows),
        func.grad(lambda w: call(net, w, (rows,)).sum())(weights),
        attempt(call, net, {"none": rows}, (rows,), strict=True),
        func.stack_module_state([copy.deepcopy(net), net]),
        func.functionalize(lambda a: a.clone().add_(1))(rows),
    ]


TRANSFORMED: dict[str, Any] = {
    **{"grad": take_gradients, "vmap": map_batches, "jac": take_jacobians},
    **{"products": take_products, "call": call_with_weights},
}


def transform_function(kind: str) -> Any:
    """Return what torch.func makes of functions of several values."""
    return TRANSFORMED[kind](torch.func, pool.make_value("$x"), pool.make_value("$x2"))


OF_MODES = (
    Family(choose_mode, lambda: [*MODES], lambda _: {}),
    Family(transform_function, lambda: [*TRANSFORMED], lambda _: {}),
)
