"""Programs with the modules of torch.nn: copies, files, states, names and hooks."""

from __future__ import annotations

import copy
import functools
import inspect
import itertools
from typing import Any

import torch

from .. import pool
from .families import Family
from .telling import attempt

VALUES = (
    *("3,4,3", "3,4", "8,2", "3,2", "3", "2", "2,3", "1,2", "8,2,16", ""),
    *("$net", "3,3,4", "4", "3,4,[2]", "$sum", "0,2", "4,3,2", "2,3,2"),
)
"""What a module is made with; the first that makes one that can be called is taken."""

INPUTS = (
    *("$pictures", "$sequence", "$x", "$volume", "$ints", "$x,$x2", "$x,$classes"),
    *("$x,$x2,$x", "$x,$x,$x2", "$sequence,$sequence,$sequence", "$x,$x2,$vector4"),
    *("$pictures,$pictures", "$unit,$unit", "$vector4,$vector4,$vector4"),
)
REFUSALS = (RuntimeError, TypeError, ValueError, IndexError)
SLOW = ("Transformer", "TransformerEncoder", "TransformerDecoder", "Module")


def make_inputs(text: str) -> list[Any]:
    """Return the values of a call."""
    return [pool.make_value(each) for each in pool.read_tokens(text)[0]]


def run_module(module: Any) -> Any:
    """Return what a module gives for the first inputs that it takes. Raises ValueError."""
    for text in INPUTS:
        values = make_inputs(text)
        values = [
            v.requires_grad_() if v.is_floating_point() and not i else v
            for i, v in enumerate(values)
        ]
        try:
            pool.set_seeds()
            return text, module(*values), values[0]
        except (*REFUSALS, AssertionError, NotImplementedError):
            continue
    raise ValueError("nothing suits it")


@functools.cache
def list_modules() -> list[str]:
    """Return a call for each class of torch.nn that can be made and called."""
    found = []
    kinds = [(name, kind) for name, kind in vars(torch.nn).items() if inspect.isclass(kind)]
    for name, kind in kinds:
        if not issubclass(kind, torch.nn.Module) or name in SLOW:
            continue
        for text in VALUES:
            try:
                run_module(kind(*make_inputs(text)))
            except Exception:  # noqa: S112 - other values may suit it
                continue
            found.append(f"'{name}',{text}".rstrip(","))
            break
    return found


def list_with_state() -> list[str]:
    """Return a call for each class whose modules have a state."""
    found = []
    for text in list_modules():
        name, _, values = text.partition(",")
        module = getattr(torch.nn, name.strip("'"))(*make_inputs(values))
        if module.state_dict() and "Lazy" not in name:
            found.append(text)
    return found


def tell_module(module: Any) -> list[Any]:
    """Return what a copy of a module may lose."""
    parameters = [(n, p.requires_grad, type(p), p.dtype) for n, p in module.named_parameters()]
    buffers = [(n, type(b), b.dtype) for n, b in module.named_buffers()]
    modules = [(n, type(m), m.training) for n, m in module.named_modules()]
    return [parameters, buffers, modules, [*module.state_dict()], repr(module)]


def learn_from(module: Any) -> list[Any]:
    """Return what a module gives, the gradients of that, and its state then."""
    text, given, first = run_module(module)
    parts = [*given] if isinstance(given, tuple) else [given]
    parts = [each for each in parts if isinstance(each, torch.Tensor) and each.requires_grad]
    if parts:
        sum(each.square().mean() for each in parts).backward()
    grads = [p.grad for p in module.parameters()]
    return [text, given, first.grad, grads, [b.clone() for b in module.buffers()]]


def copy_module(name: str, *values: Any) -> Any:
    """Return what a module with a frozen parameter gives, and the same of many kinds of copies."""
    module = getattr(torch.nn, name)(*values)
    if name.startswith("Lazy"):
        run_module(module)
    for parameter in itertools.islice(module.parameters(), 1):
        parameter.requires_grad_(False)
    begun = tell_module(module)
    learned = learn_from(module)
    module.eval()
    torch.save(module, "module.pt")
    copies = [
        copy.deepcopy(module),
        torch.load("module.pt", weights_only=False),
        copy.deepcopy(module).to(torch.float64).zero_grad(set_to_none=False),
        copy.deepcopy(module).bfloat16().train(),
        copy.deepcopy(module).requires_grad_(False),
    ]
    copies[2] = copy.deepcopy(module).double()
    copies[2].zero_grad(set_to_none=False)
    shown = [tell_module(each) for each in copies]
    grads = [[p.grad is not None and p.grad for p in each.parameters()] for each in copies[:3]]
    again = [run_module(each)[1] for each in (module, *copies[:2])]
    return [begun, learned, shown, grads, again]


WAYS: tuple[dict[str, Any], ...] = ({}, {"strict": False}, {"assign": True})


def load_module(name: str, *values: Any) -> Any:
    """Return what becomes of a state in a file that is loaded whole, with less, and with more."""
    kind = getattr(torch.nn, name)
    module = kind(*values)
    run_module(module)
    torch.save(module.state_dict(), "state.pt")
    state = torch.load("state.pt", weights_only=True)
    tensors = [key for key, each in state.items() if isinstance(each, torch.Tensor)]
    results: list[Any] = [[*state], [*getattr(state, "_metadata", {}).items()]]
    less = {key: each for key, each in state.items() if key not in tensors[:1]}
    wrong = {**state, **{key: torch.ones(7, 1) for key in tensors[:1]}}
    for given in (state, less, {**state, "extra": torch.ones(1)}, wrong):
        for options in WAYS:
            pool.set_seeds(11)
            other = kind(*values)
            result = attempt(other.load_state_dict, given, **options)
            keys = [*result] if isinstance(result, tuple) else result
            kept = [p.requires_grad for p in other.parameters()]
            results.append([keys, kept, [*other.state_dict().values()]])
    pool.set_seeds(11)
    other = kind(*values)
    error = tell_error(other.load_state_dict, {**less, "extra": torch.ones(1)})
    results.append([key in error for key in (*tensors, "extra")])
    results.append([*other.state_dict(prefix="net.", keep_vars=True).items()])
    return results


def tell_error(called: Any, *values: Any) -> str:
    """Return the text of an error."""
    try:
        called(*values)
    except Exception as error:  # its text is the result
        return str(error)
    return ""


class SmallNet(torch.nn.Module):  # type: ignore[misc] # torch has no types here
    """A module with parts of every kind."""

    mean: Any

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(3, 4)
        self.parts = torch.nn.ModuleDict({"a": torch.nn.Linear(4, 4), "b": torch.nn.Dropout(0.5)})
        self.rows = torch.nn.ParameterList([torch.ones(2), torch.zeros(1)])
        self.tied = self.first
        self.scale = torch.nn.Parameter(torch.tensor(2.0), requires_grad=False)
        self.register_parameter("absent", None)
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("passing", torch.ones(4), persistent=False)
        self.register_buffer("no_value", None)

    def forward(self, inputs: torch.Tensor, factor: float = 1.0) -> torch.Tensor:
        """Return the outputs."""
        hidden = self.parts["b"](self.parts["a"](self.first(inputs)))
        self.mean = 0.5 * self.mean + hidden.detach().mean(0)
        return hidden * self.scale * factor + self.mean + self.rows[0].sum()

    def get_extra_state(self) -> Any:
        """Return what the state has besides."""
        return {"count": 3}

    def set_extra_state(self, state: Any) -> None:
        """Take what the state has besides."""
        self.count = state["count"]

    def extra_repr(self) -> str:
        """Return what is shown of it."""
        return "small=True"


def ask_module() -> Any:
    """Return what the methods of a module tell of its parts, and what they refuse."""
    net = SmallNet()
    results: list[Any] = [
        tell_module(net),
        [n for n, _ in net.named_children()],
        len([*net.modules()]),
    ]
    results.append([n for n, _ in net.named_parameters(remove_duplicate=False)])
    results.append([n for n, _ in net.named_modules(prefix="p", remove_duplicate=False)])
    results.append([n for n, _ in net.named_parameters(prefix="q", recurse=False)])
    results.append([n for n, _ in net.named_buffers(prefix="r", recurse=False)])
    results.append(
        [[*net.parameters(recurse=False)], [*net.buffers()], [type(c) for c in net.children()]]
    )
    names = ("parts.a", "first.weight", "mean", "", "parts.c", "passing", "rows.0", "first")
    for get in (net.get_submodule, net.get_parameter, net.get_buffer):
        results.append([type(attempt(get, each)).__name__ for each in names])
    seen: list[str] = []
    net.apply(lambda module: seen.append(type(module).__name__))
    results += [seen, attempt(net.set_submodule, "parts.a", torch.nn.Identity()), repr(net)]
    results += [sorted(set(dir(net)) - set(dir(torch.nn.Module))), net.train(False).training]
    return finish_ask_module(net, results)


def finish_ask_module(net: Any, results: Any) -> Any:
    """Return all results of `ask_module`."""
    refused = (
        lambda: net.register_buffer("first", torch.ones(1)),
        lambda: net.register_buffer("a.b", torch.ones(1)),
        lambda: net.register_buffer("", torch.ones(1)),
        lambda: net.register_buffer("new", 3),
        lambda: net.register_parameter("new", torch.ones(1)),
        lambda: net.register_parameter("new", torch.nn.Parameter(torch.ones(1)) * 2),
        lambda: net.add_module("mean", torch.nn.Identity()),
        lambda: net.add_module("new", 3),
        lambda: setattr(net, "scale", torch.ones(1)),
        lambda: setattr(net, "mean", 3),
        lambda: setattr(net, "first", 3),
        lambda: net.new,
        lambda: net.train("yes"),
        lambda: net.to(torch.int64),
        lambda: net.load_state_dict([1]),
    )
    results += [[type(attempt(each)).__name__ + str(attempt(each))[:12] for each in refused]]
    del net.scale, net.mean, net.first
    net.add_module("late", None)
    net.new, net.other = torch.nn.Parameter(torch.ones(1)), torch.nn.Linear(1, 1)
    return [results, tell_module(net), net.to("cpu", torch.float64).state_dict()]


def hook_module(place: str, first: bool = False, always: bool = False) -> Any:
    """Return what hooks of each kind see and change, before and after they are removed."""
    net = SmallNet()
    seen: list[Any] = []

    def note(name: str, change: Any = None) -> Any:
        def hook(module: Any, *values: Any) -> Any:
            seen.append([name, type(module), [v for v in values if not isinstance(v, dict | str)]])
            return change(*values) if change else None

        return hook

    handles = [
        net.register_forward_pre_hook(note("before", lambda a: (a[0] + 1,)), prepend=first),
        net.register_forward_pre_hook(
            note("before, named", lambda a, k: (a, {"factor": 3.0})), with_kwargs=True
        ),
        net.register_forward_hook(note("after", lambda a, o: o * 2), always_call=always),
        net.register_forward_hook(
            note("after, named", lambda a, k, o: o + 1), with_kwargs=True, prepend=first
        ),
        net.register_full_backward_pre_hook(note("pre", lambda g: (g[0] * 2,)), prepend=first),
        net.first.register_full_backward_hook(note("full", lambda i, o: i), prepend=first),
        net.parts["a"].register_full_backward_hook(note("a", lambda i, o: (i[0] * 0.5,))),
        net.register_state_dict_pre_hook(note("saving")),
        net.register_state_dict_post_hook(lambda m, s, p, meta: seen.append([*s, p])),
        net.register_load_state_dict_pre_hook(
            lambda m, s, p, meta, strict, missing, extra, errors: seen.append([*s, p, strict])
        ),
        net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear()),
    ]
    return finish_hook_module((place, always, net, seen, note, handles))


def finish_hook_module(state: tuple[Any, ...]) -> Any:
    """Return all results of `hook_module`."""
    place, always, net, seen, note, handles = state
    if place == "everywhere":
        of_all = torch.nn.modules.module
        handles += [
            of_all.register_module_forward_pre_hook(note("all, before")),
            of_all.register_module_forward_hook(note("all, after"), always_call=always),
            of_all.register_module_full_backward_pre_hook(note("all, pre")),
            of_all.register_module_full_backward_hook(note("all, full")),
            of_all.register_module_module_registration_hook(lambda m, n, s: seen.append(n)),
            of_all.register_module_parameter_registration_hook(lambda m, n, s: seen.append(n)),
            of_all.register_module_buffer_registration_hook(lambda m, n, s: seen.append(n)),
        ]
    try:
        results = step_hooked(net)
    finally:
        for each in handles:
            each.remove()
    net.zero_grad()
    return [seen, results, step_hooked(net), len(seen)]


def step_hooked(net: Any) -> list[Any]:
    """Return what a module gives in a step, in copies and after loading."""
    pool.set_seeds()
    inputs = pool.make_value("$grown")
    given = net(inputs, factor=2.0)
    given.square().mean().backward()
    copied = copy.deepcopy(net)
    pool.set_seeds()
    again = copied.eval()(inputs)
    state = net.state_dict()
    state.pop("mean")
    keys = attempt(net.load_state_dict, state)
    wrong = attempt(net, pool.make_value("$pictures"))
    net.register_buffer("late", torch.ones(1))
    net.late_part = torch.nn.Linear(2, 2)
    grads = [parameter.grad for parameter in net.parameters()]
    return [given, inputs.grad, grads, again, [*keys], wrong, getattr(net, "count", None)]


OF_MODULES = (
    Family(copy_module, list_modules, lambda _: {}),
    Family(load_module, list_with_state, lambda _: {}),
    Family(ask_module, lambda: [""], lambda _: {}),
    Family(
        hook_module, lambda: ["here", "everywhere"], lambda _: {"first": False, "always": False}
    ),
)
