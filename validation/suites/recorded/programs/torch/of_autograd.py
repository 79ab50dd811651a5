"""Programs with automatic differentiation: own functions, hooks, modes and derivatives."""

from __future__ import annotations

from typing import Any

import torch

from ... import pool
from ..families import Family
from ..telling import attempt
from .copied_tensors import describe_copy


class WeighedProduct(torch.autograd.Function):  # type: ignore[misc] # torch has no types here
    """A product and a sum, with everything that a function may say of itself."""

    @staticmethod
    def forward(first: Any, second: Any, factor: float) -> Any:
        """Return a product, a sum, and places."""
        return first * second * factor, first + second, (first > second).long()

    @staticmethod
    def setup_context(context: Any, inputs: Any, output: Any) -> None:
        """Keep what the gradients need."""
        context.save_for_backward(inputs[0], inputs[1])
        context.save_for_forward(inputs[0], inputs[1])
        context.factor = inputs[2]
        context.mark_non_differentiable(output[2])
        context.set_materialize_grads(False)

    @staticmethod
    def backward(context: Any, *grads: Any) -> Any:
        """Return the gradients."""
        first, second = context.saved_tensors
        product, total = grads[0], grads[1]
        given = [torch.zeros_like(first), torch.zeros_like(second)]
        if product is not None:
            given = [product * second * context.factor, product * first * context.factor]
        if total is not None:
            given = [each + total for each in given]
        wanted = context.needs_input_grad
        return *(each if need else None for each, need in zip(given, wanted, strict=False)), None

    @staticmethod
    def jvp(context: Any, *tangents: Any) -> Any:
        """Return the derivatives in a direction."""
        first, second = context.saved_tensors
        one = tangents[0] if tangents[0] is not None else torch.zeros_like(first)
        two = tangents[1] if tangents[1] is not None else torch.zeros_like(second)
        return (one * second + first * two) * context.factor, one + two, None


class Doubled(torch.autograd.Function):  # type: ignore[misc] # torch has no types here
    """A change in place, of which the second derivative is refused."""

    generate_vmap_rule = False

    @staticmethod
    def forward(context: Any, rows: Any) -> Any:
        """Return the input, changed."""
        context.mark_dirty(rows)
        return rows.mul_(2)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator] # torch has no types here
    def backward(context: Any, *grads: Any) -> Any:
        """Return the gradient."""
        return grads[0] * 2


def call_function(factor: float = 2.0, frozen: bool = False) -> Any:
    """Return what own functions give, with first, second and forward derivatives."""
    first, second = pool.make_value("$grown"), pool.make_value("$x2").requires_grad_(not frozen)
    product, total, places = WeighedProduct.apply(first, second, factor)
    results: list[Any] = [describe_copy(each) for each in (product, total, places)]
    results += [type(product.grad_fn).__name__, product.grad_fn.name()]
    (grad,) = torch.autograd.grad(product.sum(), first, create_graph=True)
    results += [grad, attempt(torch.autograd.grad, grad.sum(), second, retain_graph=True)]
    (product.sum() + total.square().sum()).backward(retain_graph=True)
    results += [first.grad, second.grad]
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(first.detach(), torch.ones(4, 3))
        given = WeighedProduct.apply(dual, second.detach(), factor)
        results += [[*torch.autograd.forward_ad.unpack_dual(each)] for each in given[:2]]
    changed = Doubled.apply(first.clone())
    (grad,) = torch.autograd.grad(changed.square().sum(), first, create_graph=True)
    results += [changed, grad, attempt(torch.autograd.grad, grad.sum(), first)]
    results += [
        torch.autograd.gradcheck(
            WeighedProduct.apply, (first[:1].double(), second[:1].double(), 2.0)
        )
    ]
    results.append(attempt(torch.func.vmap(Doubled.apply), first.detach()))
    return results


def join_values(first: Any, second: Any) -> Any:
    """Return two results of two values."""
    return (first * second).exp() + first.square().sum(), second * 2


def sum_cubes(first: Any, second: Any) -> Any:
    """Return one number of two values."""
    return (first.pow(3) * second).sum()


def differentiate(create_graph: bool = False, strict: bool = False, vectorize: bool = False) -> Any:
    """Return derivatives of functions of several values, of each kind and with each option."""
    kinds = torch.autograd.functional
    one = pool.make_value("$vector")
    both, vectors = (one, one + 1), (torch.ones(3), torch.arange(3.0))
    options = {"create_graph": create_graph, "strict": strict}
    results: list[Any] = []
    for mode in ("reverse-mode", "forward-mode"):
        named: dict[str, Any] = {**options, "vectorize": vectorize}
        results += [
            attempt(kinds.jacobian, join_values, both, **named, strategy=mode),
            attempt(kinds.jacobian, sum_cubes, both, vectorize=True, strategy=mode),
            attempt(kinds.hessian, sum_cubes, both, **named, outer_jacobian_strategy=mode),
        ]
    results += [each(join_values, both, vectors, **options) for each in (kinds.vjp, kinds.jvp)]
    results += [each(sum_cubes, both, vectors, **options) for each in (kinds.vhp, kinds.hvp)]
    results += [kinds.jacobian(pool.double, one, **options), kinds.vjp(sum_cubes, both, **options)]
    for each in (kinds.jacobian, kinds.hessian, kinds.hvp, kinds.vhp):
        results.append(attempt(each, lambda first, second: first.sum(), both, strict=strict))
    results += [attempt(kinds.vjp, join_values, both), attempt(kinds.vjp, join_values, both, one)]
    return [*results, attempt(kinds.jvp, lambda a: a.tolist(), one, one)]


def ask_gradients(accumulate: bool = False) -> Any:
    """Return what grad and backward give with each option, and what they refuse."""
    rows, other = pool.make_value("$grown"), pool.make_value("$x2").requires_grad_()
    taken = take_gradients(rows, other)
    return [taken, accumulate_gradients(rows, other, accumulate), change_in_place(rows)]


def take_gradients(rows: Any, other: Any) -> list[Any]:
    """Return what grad gives with each option."""
    grad, product, one = torch.autograd.grad, rows * other, torch.ones(4, 3)
    batch = torch.eye(12)[:2].reshape(2, 4, 3)
    return [
        grad(product, [rows, other], one, retain_graph=True),
        grad([product, rows.sum()], rows, [one, None], retain_graph=True),
        grad(rows.sum(), other, allow_unused=True),
        grad(rows.sum(), other, materialize_grads=True),
        grad(product, rows, batch, is_grads_batched=True, retain_graph=True),
        attempt(grad, rows.sum(), other),
        attempt(grad, product, rows),
        attempt(grad, product, rows, torch.ones(2)),
        attempt(grad, one.sum(), rows),
    ]


def accumulate_gradients(rows: Any, other: Any, accumulate: bool) -> list[Any]:
    """Return what backward leaves in two tensors with each option."""
    product, one = rows * other, torch.ones(4, 3)
    product.backward(one, retain_graph=True, inputs=[rows])
    results = [rows.grad.clone(), other.grad]
    torch.autograd.backward([product, other.sum()], [one * 2, None], retain_graph=True)
    results += [rows.grad.clone(), other.grad.clone()]
    with torch.autograd.set_multithreading_enabled(False):
        product.backward(one)
    results += [rows.grad.clone(), attempt(product.backward, one)]
    if not accumulate:
        rows.grad = None
    (rows.square() * 3).sum().backward(create_graph=True)
    results += [rows.grad, rows.grad.requires_grad]
    rows.grad = None
    wrong = (torch.ones(2), 3, rows.detach().double())
    return [*results, *(attempt(setattr, rows, "grad", each) for each in wrong)]


def change_in_place(rows: Any) -> list[Any]:
    """Return what is refused after a change in place, and what is not."""
    results: list[Any] = []
    nothing = rows.detach().requires_grad_() * 0
    with torch.autograd.detect_anomaly(check_nan=True):
        results.append(attempt(lambda: nothing.log().mul(0).sqrt().sum().backward()))
    view = rows.clone()
    square = view.square()
    view.add_(1)
    results += [attempt(square.sum().backward), view._version, attempt(rows.add_, 1)]
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        changed = rows.clone()
        square = changed.square()
        changed.mul_(3)
        square.sum().backward()
    return [results, rows.grad, attempt(rows[0].add_, 1), attempt(rows.detach().sum().backward)]


def note(seen: list[Any], value: Any, given: Any) -> Any:
    """Note a value, and return another."""
    seen.append(value)
    return given


def hook_tensors(prepend: bool = False) -> Any:
    """Return what hooks of tensors and of the graph saw and changed."""
    rows: Any = pool.make_value("$grown")
    seen: list[Any] = []
    watch = torch.autograd.graph.register_multi_grad_hook
    middle = rows * 2
    middle.retain_grad()
    last = middle.square()
    handles = [
        rows.register_hook(lambda g: note(seen, ["leaf", g], g + 1)),
        middle.register_hook(lambda g: g * 0.5),
        middle.register_hook(lambda g: seen.append(["middle", g])),
        last.grad_fn.register_hook(lambda i, o: seen.append(["node", i, o])),
        last.grad_fn.register_prehook(lambda o: (o[0] * 3,)),
        rows.register_post_accumulate_grad_hook(lambda t: seen.append(["done", t.grad.clone()])),
    ]
    results: list[Any] = [last.grad_fn.name(), [n.name() for n, _ in last.grad_fn.next_functions]]
    results += [attempt(last.register_post_accumulate_grad_hook, pool.double)]
    results += [attempt(rows.detach().register_hook, pool.double)]
    with watch((rows, middle), lambda gs: seen.append([*gs])):
        last.sum().backward(retain_graph=True)
    with watch((rows, middle), lambda g: seen.append(["any", g]), mode="any"):
        last.sum().backward(retain_graph=True)
    results += [rows.grad, middle.grad, middle.retains_grad]
    for each in handles if not prepend else handles[::2]:
        each.remove()
    rows.grad = None
    last.sum().backward()
    return [results, rows.grad.clone(), hook_saved(rows), seen]


def repeat_hooks(mode: str) -> list[Any]:
    """Return what hooks of several tensors and of a module see in passes that take other ways."""
    rows: Any = pool.make_value("$grown")
    net, seen = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh()), list[Any]()
    watch = torch.autograd.graph.register_multi_grad_hook
    first, second = rows * 2, rows.exp()
    results: list[Any] = [attempt(lambda: watch((first,), print, mode="some"))]
    handle = watch((first, second), lambda given: seen.append([mode, given]), mode=mode)
    backward = net.register_full_backward_hook(lambda m, i, o: seen.append(["net", i, o]))
    before = net[0].register_full_backward_pre_hook(lambda m, o: (o[0] * 2,))
    torch.nn.init.constant_(net[0].weight, 0.5)
    given = rows.flatten()[:2]
    losses = [first.sum() + second.sum(), second.sum(), (first * second).sum()]
    for loss in [*losses, net(given).sum() + first.sum(), rows.sum(), first.sum()]:
        loss.backward(retain_graph=True)
        seen.append(["end", rows.grad.clone()])
    torch.autograd.grad(first.sum() + second.sum(), rows, retain_graph=True)
    for each in (handle, backward, before):
        each.remove()
    (first.sum() + net(given).sum()).backward()
    return [*results, seen, rows.grad]


def hook_saved(rows: Any) -> list[Any]:
    """Return what hooks of saved tensors see and change."""
    graph = torch.autograd.graph
    packed: list[Any] = []
    with graph.saved_tensors_hooks(lambda t: note(packed, t.shape, t * 2), lambda t: t + 1):
        square = (rows * rows).exp()
    square.sum().backward()
    results = [packed, rows.grad.clone(), graph.get_gradient_edge(square).node.name()]
    with graph.disable_saved_tensors_hooks("none here"):
        results.append(attempt(lambda: graph.saved_tensors_hooks(id, id).__enter__()))
    with graph.save_on_cpu():
        (rows.sin() * rows).sum().backward()
    return [*results, rows.grad]


OF_AUTOGRAD = (
    Family(call_function, lambda: [""], lambda _: {"factor": 2.0, "frozen": False}),
    Family(
        differentiate,
        lambda: [""],
        lambda _: {"create_graph": False, "strict": False, "vectorize": False},
    ),
    Family(ask_gradients, lambda: [""], lambda _: {"accumulate": False}),
    Family(hook_tensors, lambda: [""], lambda _: {"prepend": False}),
    Family(repeat_hooks, lambda: ["'all'", "'any'"], lambda _: {}),
)
