"""Whether a compiled function notices that something it depends on has changed."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch

Use = Callable[[Any, Any], Any]
"""From a tensor and a value to a tensor that depends on both."""

Call = Callable[[Any], Any]
"""Something is changed, and a function is called: the result."""

Dependence = tuple[str, Any, Sequence[Call]]
"""What a function depends on, the function, and calls of it after one change each."""


def multiply_items(x: Any, value: Any) -> Any:
    """Return the tensor times each item of a dictionary, and something for each key."""
    for key, each in value.items():
        x = x * each + len(key)
    return x


VALUES: dict[str, tuple[Use, tuple[Any, ...]]] = {
    "float": (lambda x, value: x * value, (0.5, 0.25, 0.75)),
    "int": (lambda x, value: x * value, (2, 3, 5)),
    "bool": (lambda x, value: x if value else x * 2, (True, False)),
    "str": (lambda x, value: x * len(value) + value.startswith("a"), ("a", "bc")),
    "None": (lambda x, value: x if value is None else x * value, (None, 3.0)),
    "type": (lambda x, value: x * value + isinstance(value, int), (2, 2.0)),
    "complex": (lambda x, value: x * value, (1j, 2j)),
    "tuple": (lambda x, value: x * value[0] + len(value), ((1.5, 2), (2.5, 2), (2.5, 2, 3))),
    "list": (lambda x, value: x * value[-1] + len(value), ([1, 2], [1, 3], [3])),
    "dict": (multiply_items, ({"a": 2}, {"a": 3}, {"bc": 3})),
    "nested list": (lambda x, value: x * value["a"][0], ({"a": [2.0]}, {"a": [3.0]})),
    "set": (lambda x, value: x if "a" in value else x * 2, ({"a"}, {"b"})),
    "slice": (lambda x, value: x[:, value], (slice(0, 2), slice(1, 3))),
    "dtype": (lambda x, value: x.to(value), (torch.float64, torch.float16)),
    "shape": (lambda x, value: x.reshape(value), (torch.Size([4, 3]), torch.Size([2, 6]))),
    "function": (lambda x, value: value(x), (torch.sin, torch.cos)),
    "tensor": (lambda x, value: x + value, (torch.ones(3), torch.zeros(1).double())),
}
"""How each kind of value is used, and values of it that follow one another."""


def place_in_closure(use: Use, value: Any) -> Any:
    """Keep the value in a variable of the function around; return what changes it, too."""

    def compute(x: Any) -> Any:
        return use(x, value)

    def change(new: Any) -> None:
        nonlocal value
        value = new

    return compute, change


def place_in_module(use: Use, value: Any) -> Any:
    """Keep the value in a variable of the function's module."""
    names: dict[str, Any] = {"use": use, "value": value}
    exec("def compute(x):\n    return use(x, value)", names)  # noqa: S102 - a module of its own
    return names["compute"], lambda new: names.update(value=new)


def place_in_default(use: Use, value: Any) -> Any:
    """Keep the value as the default of an argument."""

    def compute(x: Any, value: Any = value) -> Any:
        return use(x, value)

    return compute, lambda new: setattr(compute, "__defaults__", (new,))


def place_in_layer(use: Use, value: Any) -> Any:
    """Keep the value as an attribute of a layer."""

    class Layer(torch.nn.Module):  # type: ignore[misc] # torch is not in the harness' own environment
        def forward(self, x: Any) -> Any:
            return use(x, self.value)

    layer = Layer()
    layer.value = value
    return layer, lambda new: setattr(layer, "value", new)


def place_in_container(use: Use, value: Any) -> Any:
    """Keep the value in a list in a dictionary."""
    kept = {"values": [value]}

    def compute(x: Any) -> Any:
        return use(x, kept["values"][0])

    return compute, lambda new: kept.update(values=[new])


PLACES: dict[str, Callable[[Use, Any], Any]] = {
    "a global variable": place_in_module,
    "a default": place_in_default,
    "an attribute of a layer": place_in_layer,
    "a container": place_in_container,
    "a closure": place_in_closure,
    "an argument": lambda use, _: (use, None),
}


def iter_values() -> Iterator[Dependence]:
    """Yield each kind of value in one of the places in turn, and fractions in all."""
    x = torch.arange(12.0).reshape(4, 3)
    first, *others = VALUES
    pairs = [(first, where) for where in PLACES]
    for kind, where in (*pairs, *zip(others, itertools.cycle(PLACES), strict=False)):
        use, values = VALUES[kind]
        function, change = PLACES[where](use, values[0])
        calls = (
            [partial(call_after, partial(change, each), x) for each in values]
            if change
            else [partial(call_under, contextlib.nullcontext, x, each) for each in values]
        )
        yield f"a value of the kind {kind} in {where}", function, calls


def call_after(change: Callable[[], object], given: Any, function: Any) -> Any:
    """Change something and return what the function gives then."""
    change()
    return function(given)


def call_under(manager: Callable[[], Any], *given_and_function: Any) -> Any:
    """Return what the function, the last argument, gives for the others in a context."""
    *given, function = given_and_function
    with manager():
        return function(*given)


@contextlib.contextmanager
def use_double() -> Iterator[None]:
    """Make numbers without a type double."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def iter_states() -> Iterator[Dependence]:
    """Yield properties of tensors, and states of layers and of torch, that can change.

    Dynamo does not look whether the parameters of a layer were frozen, nor for new hooks.
    """
    x, plain = torch.arange(12.0).reshape(4, 3), contextlib.nullcontext
    learned = x.clone().requires_grad_()
    tensors = {
        "shape": (x, x[:2], x.reshape(2, 6)),
        "dtype": (x, x.double()),
        "strides": (x, x.t().contiguous().t()),
        "requires_grad": (x, learned),
    }
    for name, given in tensors.items():
        calls = [partial(call_under, plain, each) for each in given]
        yield f"{name} of a tensor", lambda x: x.reshape(-1) * x.shape[0] + x.stride()[0], calls
    for name, manager in (
        ("no_grad", torch.no_grad),
        ("inference_mode", torch.inference_mode),
        ("autocast", lambda: torch.autocast("cpu", torch.bfloat16)),
        ("the default type", use_double),
        ("the default device", lambda: torch.device("meta")),
    ):
        made = name == "the default device"
        function = (lambda x: torch.ones(3)) if made else lambda x: x @ x.t() + torch.full((), 0.1)
        yield name, function, [partial(call_under, each, learned) for each in (plain, manager)]
    layers = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout(1.0))
    changes: dict[str, list[Callable[[], object]]] = {
        "the training mode": [layers.train, layers.eval],
        "a layer in a layer": [
            lambda: layers.append(torch.nn.ReLU()),
            lambda: layers.append(torch.nn.Flatten(0)),
        ],
    }
    for name, steps in changes.items():
        yield name, layers, [partial(call_after, step, x) for step in steps]


def find_unnoticed_changes() -> Iterator[str]:
    """Yield each change after which a compiled function gives something else than eager."""
    values = (("eager", each) for each in iter_values())  # what Dynamo alone has to notice
    states = (("aot_eager", each) for each in iter_states())
    for backend, (name, function, calls) in itertools.chain(values, states):
        torch._dynamo.reset()  # what another case compiled would be used again
        compiled, before = torch.compile(function, backend=backend), "nothing"
        for call in (*calls, calls[0]):
            wanted, got = describe_result(call(function)), describe_result(call(compiled))
            if got != wanted:
                stale = ", as before," * (got == before)
                yield f"after a change of {name} it gives {got[:60]}{stale} not {wanted[:60]}"
                break
            before = wanted


def describe_result(tensor: Any) -> str:
    """Return all that tells a tensor from another."""
    values = "" if tensor.is_meta else tensor.flatten().tolist()
    kind = f"{tensor.dtype}".removeprefix("torch.") + " with a gradient" * tensor.requires_grad
    return f"{kind} on {tensor.device} {values}"
