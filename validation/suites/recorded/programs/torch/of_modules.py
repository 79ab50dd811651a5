"""Programs with the modules of torch.nn: copies, files, states, names and hooks."""

from __future__ import annotations

import copy
import functools
import inspect
import itertools
from typing import Any

import torch

from ... import pool
from ..families import Family
from ..telling import attempt

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


def run_module(module: Any, texts: tuple[str, ...] = INPUTS) -> Any:
    """Return what a module gives for the first inputs that it takes. Raises ValueError."""
    for text in texts:
        values = make_inputs(text)
        values[0].requires_grad_(values[0].is_floating_point())
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
    parameters = [
        (n, p.requires_grad, type(p), str(p.dtype), p.grad) for n, p in module.named_parameters()
    ]
    buffers = [(n, type(b), str(b.dtype)) for n, b in module.named_buffers()]
    modules = [(n, type(m), m.training) for n, m in module.named_modules()]
    return [parameters, buffers, modules, module.state_dict(), repr(module)]


def copy_module(name: str, *values: Any) -> Any:
    """Return what a module with a frozen parameter gives, and the same of many kinds of copies."""
    module = getattr(torch.nn, name)(*values)
    if name.startswith("Lazy"):
        run_module(module)
    for parameter in itertools.islice(module.parameters(), 1):
        parameter.requires_grad_(False)
    text, given, first = run_module(module)
    parts = [*given] if isinstance(given, tuple) else [given]
    parts = [each for each in parts if isinstance(each, torch.Tensor) and each.requires_grad]
    if parts:
        sum(each.square().mean() for each in parts).backward()
    results = [text, given, first.grad, copy.deepcopy(tell_module(module))]
    if not module.state_dict():
        return [*results, run_module(copy.deepcopy(module).eval(), (text,))[1]]
    torch.save(module.eval(), "module.pt")
    copies = [copy.deepcopy(module) for _ in range(4)]
    copies[1].double().zero_grad(set_to_none=False)
    copies[2].bfloat16().train()
    copies[3].requires_grad_(False)
    copies.append(torch.load("module.pt", weights_only=False))
    shown = [tell_module(each) for each in copies]
    again = [run_module(each, (text,))[1] for each in (module, copies[0], copies[-1])]
    return [results, shown, again]


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
    return [*results, state]  # what was loaded stays as it was


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
    listed = (
        net.named_children(),
        net.named_parameters(remove_duplicate=False),
        net.named_modules(prefix="p", remove_duplicate=False),
        net.named_parameters(prefix="q", recurse=False),
        net.named_buffers(prefix="r", recurse=False),
    )
    results: list[Any] = [tell_module(net), [[name for name, _ in each] for each in listed]]
    results += [[*net.parameters(recurse=False)], [*net.buffers()], len([*net.modules()])]
    names = ("parts.a", "first.weight", "mean", "", "parts.c", "passing", "rows.0", "first")
    for get in (net.get_submodule, net.get_parameter, net.get_buffer):
        results.append([type(attempt(get, each)).__name__ for each in names])
    seen: list[str] = []
    net.apply(lambda module: seen.append(type(module).__name__))
    results += [seen, attempt(net.set_submodule, "parts.a", torch.nn.Identity()), repr(net)]
    results += [sorted(set(dir(net)) - set(dir(torch.nn.Module))), net.train(False).training]
    results += refuse_parts(net)
    del net.scale, net.mean, net.first
    net.add_module("late", None)
    net.new, net.other = torch.nn.Parameter(torch.ones(1)), torch.nn.Linear(1, 1)
    return [results, tell_module(net), net.to("cpu", torch.float64).state_dict()]


def refuse_parts(net: Any) -> list[Any]:
    """Return which errors tell what a module does not take."""
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
    return [attempt(each) for each in refused]


def hook_module(place: str, first: bool = False, always: bool = False) -> Any:
    """Return what hooks of each kind see and change, before and after they are removed."""
    net, seen = SmallNet(), []

    def note(name: str, change: Any = None) -> Any:
        def hook(module: Any, *values: Any) -> Any:
            seen.append([name, type(module), [v for v in values if not isinstance(v, dict | str)]])
            return change(*values) if change else None

        return hook

    handles = hook_passes(net, note, first, always) + hook_states(net, seen, note)
    if place == "everywhere":
        handles += hook_everywhere(seen, note, always)
    try:
        results = step_hooked(net)
    finally:
        for each in handles:
            each.remove()
    net.zero_grad()
    count = len(seen)
    return [seen, results, step_hooked(net), count]


def hook_passes(net: Any, note: Any, first: bool, always: bool) -> list[Any]:
    """Return the handles of hooks of calls and gradients."""
    named = {"with_kwargs": True}
    before, after = net.register_forward_pre_hook, net.register_forward_hook
    change = note("before, named", lambda a, k: (a, {"factor": 3.0}))
    return [
        before(note("before", lambda a: (a[0] + 1,)), prepend=first),
        before(change, **named),
        after(note("after", lambda a, o: o * 2), always_call=always),
        after(note("after, named", lambda a, k, o: o + 1), prepend=first, **named),
        net.register_full_backward_pre_hook(note("pre", lambda g: (g[0] * 2,)), prepend=first),
        net.first.register_full_backward_hook(note("full", lambda i, o: i), prepend=first),
        net.parts["a"].register_full_backward_hook(note("a", lambda i, o: (i[0] * 0.5,))),
    ]


def hook_states(net: Any, seen: list[Any], note: Any) -> list[Any]:
    """Return the handles of hooks of states."""
    return [
        net.register_state_dict_pre_hook(note("saving")),
        net.register_state_dict_post_hook(lambda m, s, p, meta: seen.append([*s, p])),
        net.register_load_state_dict_pre_hook(lambda m, s, p, *more: seen.append([*s, p, more[1]])),
        net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear()),
    ]


def hook_everywhere(seen: list[Any], note: Any, always: bool) -> list[Any]:
    """Return the handles of hooks of all modules."""
    kinds = torch.nn.modules.module
    return [
        kinds.register_module_forward_pre_hook(note("all, before")),
        kinds.register_module_forward_hook(note("all, after"), always_call=always),
        kinds.register_module_full_backward_pre_hook(note("all, pre")),
        kinds.register_module_full_backward_hook(note("all, full")),
        kinds.register_module_module_registration_hook(lambda m, n, s: seen.append(n)),
        kinds.register_module_parameter_registration_hook(lambda m, n, s: seen.append(n)),
        kinds.register_module_buffer_registration_hook(lambda m, n, s: seen.append(n)),
    ]


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
