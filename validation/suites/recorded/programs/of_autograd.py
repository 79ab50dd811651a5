"""Programs with automatic differentiation: own functions, hooks, modes and derivatives."""

from __future__ import annotations

from typing import Any

import torch

from .. import pool
from .families import Family
from .leaves import collect_leaves, tell_refusal, tell_tensor


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
    results: list[Any] = [tell_tensor(each) for each in (product, total, places)]
    results += [type(product.grad_fn).__name__, product.grad_fn.name()]
    (grad,) = torch.autograd.grad(product.sum(), first, create_graph=True)
    results += [grad, tell_refusal(torch.autograd.grad, grad.sum(), second, retain_graph=True)]
    (product.sum() + total.square().sum()).backward(retain_graph=True)
    results += [first.grad, second.grad]
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(first.detach(), torch.ones(4, 3))
        given = WeighedProduct.apply(dual, second.detach(), factor)
        results += [[*torch.autograd.forward_ad.unpack_dual(each)] for each in given[:2]]
    changed = Doubled.apply(first.clone())
    (grad,) = torch.autograd.grad(changed.square().sum(), first, create_graph=True)
    results += [changed, grad, tell_refusal(torch.autograd.grad, grad.sum(), first)]
    results += [
        torch.autograd.gradcheck(
            WeighedProduct.apply, (first[:1].double(), second[:1].double(), 2.0)
        )
    ]
    results.append(tell_refusal(torch.func.vmap(Doubled.apply), first.detach()))
    return collect_leaves(results)


def differentiate(create_graph: bool = False, strict: bool = False, vectorize: bool = False) -> Any:
    """Return derivatives of functions of several values, of each kind and with each option."""
    functional = torch.autograd.functional
    one, two = pool.make_value("$vector"), pool.make_value("$vector") + 1
    options = {"create_graph": create_graph, "strict": strict}

    def join(first: Any, second: Any) -> Any:
        return (first * second).exp() + first.square().sum(), second * 2

    def total(first: Any, second: Any) -> Any:
        return (first.pow(3) * second).sum()

    both = (one, two)
    vectors = (torch.ones(3), torch.arange(3.0))
    results: list[Any] = []
    for mode in ("reverse-mode", "forward-mode"):
        named: dict[str, Any] = {**options, "vectorize": vectorize, "strategy": mode}
        results.append(tell_refusal(functional.jacobian, join, both, **named))
        results.append(
            tell_refusal(functional.jacobian, total, both, vectorize=True, strategy=mode)
        )
        named = {**options, "vectorize": vectorize, "outer_jacobian_strategy": mode}
        results.append(tell_refusal(functional.hessian, total, both, **named))
    results += [
        functional.vjp(join, both, vectors, **options),
        functional.jvp(join, both, vectors, **options),
    ]
    results += [
        functional.vhp(total, both, vectors, **options),
        functional.hvp(total, both, vectors, **options),
    ]
    return finish_differentiate((functional, one, options, join, total, both, results))


def finish_differentiate(state: tuple[Any, ...]) -> Any:
    """Return all results of `differentiate`."""
    functional, one, options, join, total, both, results = state
    results += [
        functional.jacobian(pool.double, one, **options),
        functional.vjp(total, both, **options),
    ]
    loose = (lambda first, second: first.sum(), both)
    for each in (functional.jacobian, functional.hessian, functional.hvp, functional.vhp):
        results.append(tell_refusal(each, *loose, **({} if each.__name__[1] == "h" else options)))
    results += [
        tell_refusal(functional.vjp, join, both),
        tell_refusal(functional.vjp, join, both, one),
    ]
    results += [tell_refusal(functional.jvp, lambda a: a.tolist(), one, one)]
    return collect_leaves(results)


def ask_gradients(accumulate: bool = False) -> Any:
    """Return what grad and backward give with each option, and what they refuse."""
    rows, other = pool.make_value("$grown"), pool.make_value("$x2").requires_grad_()
    grad, results = torch.autograd.grad, []
    product = rows * other
    one = torch.ones(4, 3)
    results += [grad(product, [rows, other], one, retain_graph=True)]
    results += [grad([product, rows.sum()], rows, [one, None], retain_graph=True)]
    results += [tell_refusal(grad, rows.sum(), other), grad(rows.sum(), other, allow_unused=True)]
    results += [grad(rows.sum(), other, materialize_grads=True), tell_refusal(grad, product, rows)]
    batch = torch.eye(12)[:2].reshape(2, 4, 3)
    results += [grad(product, rows, batch, is_grads_batched=True, retain_graph=True)]
    results += [
        tell_refusal(grad, product, rows, torch.ones(2)),
        tell_refusal(grad, one.sum(), rows),
    ]
    product.backward(one, retain_graph=True, inputs=[rows])
    results += [rows.grad, other.grad]
    torch.autograd.backward([product, other.sum()], [one * 2, None], retain_graph=True)
    results += [rows.grad, other.grad]
    with torch.autograd.set_multithreading_enabled(False):
        product.backward(one)
    results += [rows.grad, tell_refusal(product.backward, one)]
    if not accumulate:
        rows.grad = None
    deep = (rows.square() * 3).sum()
    deep.backward(create_graph=True)
    results += [rows.grad, rows.grad.requires_grad]
    rows.grad = None
    for refused in (torch.ones(2), 3, rows.detach().double()):
        results.append(tell_refusal(setattr, rows, "grad", refused))
    return finish_ask_gradients(rows, results)


def finish_ask_gradients(rows: Any, results: Any) -> Any:
    """Return all results of `ask_gradients`."""
    with torch.autograd.detect_anomaly(check_nan=True):
        results.append(
            tell_refusal(
                lambda: (rows.detach().requires_grad_() * 0).log().mul(0).sqrt().sum().backward()
            )
        )
    view = rows.clone()
    square = view.square()
    view.add_(1)
    results += [tell_refusal(square.sum().backward), view._version, tell_refusal(rows.add_, 1)]
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        changed = rows.clone()
        square = changed.square()
        changed.mul_(3)
        square.sum().backward()
    results += [
        rows.grad,
        tell_refusal(rows[0].add_, 1),
        tell_refusal(rows.detach().sum().backward),
    ]
    return collect_leaves(results)


def note(seen: list[Any], value: Any, given: Any) -> Any:
    """Note a value, and return another."""
    seen.append(value)
    return given


def hook_tensors(prepend: bool = False) -> Any:
    """Return what hooks of tensors and of the graph saw and changed."""
    rows: Any = pool.make_value("$grown")
    seen: list[Any] = []
    graph = torch.autograd.graph
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
    results += [tell_refusal(last.register_post_accumulate_grad_hook, pool.double)]
    results += [tell_refusal(rows.detach().register_hook, pool.double)]
    with graph.register_multi_grad_hook((rows, middle), lambda gs: seen.append([*gs])):
        last.sum().backward(retain_graph=True)
    with graph.register_multi_grad_hook(
        (rows, middle), lambda g: seen.append(["any", g]), mode="any"
    ):
        last.sum().backward(retain_graph=True)
    results += [rows.grad, middle.grad, middle.retains_grad]
    for each in handles if not prepend else handles[::2]:
        each.remove()
    rows.grad = None
    last.sum().backward()
    packed: list[Any] = []
    return finish_hook_tensors(rows, seen, graph, results, packed)


def finish_hook_tensors(rows: Any, seen: Any, graph: Any, results: Any, packed: Any) -> Any:
    """Return all results of `hook_tensors`."""
    with graph.saved_tensors_hooks(lambda t: note(packed, t.shape, t * 2), lambda t: t + 1):
        square = (rows * rows).exp()
    square.sum().backward()
    results += [packed, rows.grad, graph.get_gradient_edge(square).node.name()]
    with graph.disable_saved_tensors_hooks("none here"):
        results.append(tell_refusal(lambda: graph.saved_tensors_hooks(id, id).__enter__()))
    with graph.save_on_cpu():
        (rows.sin() * rows).sum().backward()
    return collect_leaves([results, seen, rows.grad])


OF_AUTOGRAD = (
    Family(call_function, lambda: [""], lambda _: {"factor": 2.0, "frozen": False}),
    Family(
        differentiate,
        lambda: [""],
        lambda _: {"create_graph": False, "strict": False, "vectorize": False},
    ),
    Family(ask_gradients, lambda: [""], lambda _: {"accumulate": False}),
    Family(hook_tensors, lambda: [""], lambda _: {"prepend": False}),
)
