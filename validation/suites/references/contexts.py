"""Whether each context manager of torch has its effect, and puts back what it found.

That is nested in each other one, left by an exception, and used as a decorator.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import itertools
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.nn.attention import SDPBackend

from ..state import of_torch

MODULES = re.compile(
    r"torch(\.(amp|autograd(\.(graph|forward_ad))?|backends(\.\w+)*|nn\.attention|random|jit|sparse"
    r"|overrides|utils\.checkpoint|serialization|fx\.traceback|nn\.utils\.parametrize))?"
)
"""The public modules whose context managers switch something."""

NOT_READ = re.compile(
    r"nvfuser|available|device_count|tunable|torch\.(_C\._(cuda_get(?!_)|lazy)|accelerator|xpu|mps|mtia"
    r"|version|hub|cuda\b|distributed|multiprocessing|fx\.passes|utils\.data|ao)"
)
"""Switches that no manager changes, and that take long to read or warn."""

NO_SWITCHES = frozenset({"TorchDispatchMode", "TorchFunctionMode", "fuser", "verbose", "mkdtemp"})
"""Managers that are made to be derived from, or that print or write."""

TRIED: tuple[tuple[Any, ...], ...] = ((), (True,), (False,))
"""Arguments of a manager that has none here."""

ARGUMENTS: dict[str, tuple[tuple[Any, ...], ...]] = {
    "autocast": (
        ("cpu", torch.bfloat16, True, True),
        ("cpu", torch.float16, True, True),
        ("cpu", torch.bfloat16, False, True),
        ("cpu", torch.bfloat16, True, False),
    ),
    "device": (("meta",), ("cpu",)),
    "saved_tensors_hooks": ((torch.neg, torch.clone), (torch.square, torch.clone)),
    "disable_saved_tensors_hooks": (("one",), ("other",)),
    "sdpa_kernel": (([SDPBackend.MATH],), ([SDPBackend.MATH, SDPBackend.FLASH_ATTENTION],)),
    "safe_globals": (([complex],), ([slice],)),
}
"""By the name of the manager. With fewer, autocast takes over what it finds."""

MODES: dict[str, tuple[Any, ...]] = {
    "default_dtype": (torch.float64, torch.bfloat16),
    "deterministic_debug_mode": (0, 1, 2),
}
"""Values of modes that functions set: a block is made of each."""

SET_WHEN_MADE = frozenset({"torch.autograd.set_multithreading_enabled"})
"""Managers that switch before they are entered, so that they can decorate nothing."""

ONLY_ONCE = frozenset(
    {"torch.serialization.safe_globals", "torch.autograd.graph.allow_mutation_on_saved_tensors"}
)
"""Managers that torch does not mean to be nested in themselves."""

LISTED = re.compile(r"_stack|function_mode|dispatch_mode|graph_exec_group")
"""Switches that tell what is entered, and not what is set."""

WEAKENING = frozenset(
    {
        "torch.DisableTorchFunction",
        "torch.inference_mode",
        "torch.autograd.graph.saved_tensors_hooks",
    }
)
"""Managers in which others have another effect than alone, as torch means them."""

MIN_SWITCHES = 20
"""As many switches must change under the managers: 2.6 has more, and each line too."""

LEARNED = torch.ones((), requires_grad=True)
MATRIX = torch.ones(2, 2)


@dataclass(frozen=True)
class ManagerCase:
    """A context manager, with one choice of its arguments."""

    name: str
    make: Callable[[], Any]
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(str(each)[:30] for each in self.arguments)})"


def list_managers() -> Iterator[ManagerCase]:
    """Yield what the public modules of torch have, and seeds set in fork_rng."""
    seen = set[int]()
    for path in sorted(each for each in sys.modules if MODULES.fullmatch(each)):
        module = sys.modules[path]
        module = getattr(module, "m", module)  # behind the properties of a backend
        for name in sorted(each for each in dir(module) if not each.startswith("_")):
            kind = getattr(module, name)
            generated = (
                inspect.isfunction(kind) and kind.__code__.co_filename == contextlib.__file__
            )
            own = getattr(kind, "__module__", "").startswith("torch") and name not in NO_SWITCHES
            if own and id(kind) not in seen and (generated or is_manager(kind)):
                seen.add(id(kind))
                for given in ARGUMENTS.get(name, TRIED):
                    yield ManagerCase(f"{path}.{name}", partial(kind, *given), given)
    for seed in (3, 4):
        yield ManagerCase("torch.random.fork_rng and a seed", partial(fork_and_seed, seed), (seed,))
    for mode, values in MODES.items():
        for value in values:
            yield ManagerCase(f"torch.set_{mode}", partial(set_in_block, mode, value), (value,))


def is_manager(kind: Any) -> bool:
    """Return whether something is a class of context managers."""
    return inspect.isclass(kind) and hasattr(kind, "__enter__") and hasattr(kind, "__exit__")


@contextlib.contextmanager
def fork_and_seed(seed: int) -> Iterator[None]:
    """Seed the generator of the CPU for a block."""
    with torch.random.fork_rng(()):
        torch.manual_seed(seed)
        yield


@contextlib.contextmanager
def set_in_block(mode: str, value: Any) -> Iterator[None]:
    """Set a mode of torch for a block."""
    change, found = getattr(torch, f"set_{mode}"), getattr(torch, f"get_{mode}")()
    change(value)
    try:
        yield
    finally:
        change(found)


Reader = Callable[[], Any]


def list_readers() -> dict[str, Reader]:
    """Return what reads each switch of torch, by its name."""
    readers: dict[str, Reader] = {
        "the random state": lambda: hash(torch.get_rng_state().numpy().tobytes()),
        "the default device": lambda: str(torch.empty(0).device),
        "checks of sparse tensors": torch.sparse.check_sparse_tensor_invariants.is_enabled,
        "hooks of saved tensors": read_saved_tensor,
        "the type of products": lambda: str((MATRIX @ MATRIX).dtype),
        "gradients of results": lambda: (LEARNED * 2).requires_grad,
    }
    with contextlib.redirect_stderr(io.StringIO()):  # it says what it reads
        switches = of_torch.list_switches()
    for path, names in switches.items():
        head, _, last = path.rpartition(".")
        owner = sys.modules.get(path) or getattr(sys.modules.get(head), last, None)
        for name in names:
            found = getattr(owner, name, None)
            if not NOT_READ.search(f"{path}.{name}"):
                read = found if callable(found) else partial(getattr, owner, name, None)
                readers[f"{path}.{name}"] = read
    first, second = read_switches(readers), read_switches(readers)
    # An object with an address is a new one for each call: it may be where the last one was.
    return {
        name: read
        for name, read in readers.items()
        if first[name] == second[name] and " at 0x" not in str(first[name])
    }


def read_switches(readers: dict[str, Reader]) -> dict[str, Any]:
    """Return the value of each switch, or the error that reading it gives now."""
    values = {}
    for name, read in readers.items():
        try:
            value = read()
        except Exception as error:
            value = type(error).__name__
        value = sorted(map(repr, value)) if isinstance(value, list) else value  # some are sets
        values[name] = value if isinstance(value, bool | int | float | str) else repr(value)
    return values


def read_saved_tensor() -> float:
    """Return what is saved for the gradient of exp(1): something else under hooks."""
    with torch.enable_grad():
        return float(LEARNED.exp().grad_fn._saved_result)


State = dict[str, Any]


@dataclass(frozen=True)
class Nested:
    """A manager in another one, and the switches before it and in it."""

    outer: ManagerCase
    inner: ManagerCase
    found: State
    inside: State


def find_context_faults() -> Iterator[str]:
    """Yield each manager that leaves something else than it found."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each warning is a line of the report
        yield from find_leaks()


def find_leaks() -> Iterator[str]:
    """Yield each manager that leaves a switch changed, alone or in another one."""
    readers = list_readers()
    cases: dict[tuple[Any, ...], ManagerCase] = {}
    changed: dict[str, set[str]] = {"torch.enable_grad": set()}  # it shows in others only
    alone = dict[str, State]()
    for case in list_managers():
        before = read_switches(readers)
        try:
            with case.make():
                inside = read_switches(readers)
        except Exception:  # noqa: S112 - other arguments, or for a device that is not there
            continue
        yield from describe_leak(f"{case}", before, read_switches(readers))
        if changes := find_changes(before, inside):
            changed.setdefault(case.name, set()).update(changes)
        alone[f"{case}"] = inside
        effect = (case.name, *(inside[name] for name in sorted(changes)))
        cases.setdefault(effect, case)
    names = set[str]().union(*changed.values())
    if len(names) < MIN_SWITCHES:
        yield f"only {len(names)} switches change under the context managers of torch"
    switching = [case for case in cases.values() if case.name in changed]
    nested = list[Nested]()
    used = {name: readers[name] for name in sorted(names)}
    yield from find_nesting_faults(switching, used, nested)
    yield from find_lost_effects(nested, alone)


def find_nesting_faults(
    cases: list[ManagerCase], readers: dict[str, Reader], nested: list[Nested]
) -> Iterator[str]:
    """Yield each manager that does not put back what another one, or the same, had set."""
    for outer, inner in itertools.product(cases, repeat=2):
        if outer is inner and outer.name in ONLY_ONCE:
            continue
        before = read_switches(readers)
        with outer.make():
            found = read_switches(readers)
            with contextlib.suppress(Exception), inner.make():  # two that do not mix
                nested.append(Nested(outer, inner, found, read_switches(readers)))
            left = read_switches(readers)
            yield from describe_leak(f"{inner} entered in {outer}", found, left)
            for way, use in WAYS.items():
                found = left
                with contextlib.suppress(Exception):  # what was raised, or two that do not mix
                    use(inner)
                left = read_switches(readers)
                yield from describe_leak(f"{inner} {way} in {outer}", found, left)
        yield from describe_leak(f"{outer} around {inner}", before, read_switches(readers))


def find_lost_effects(nested: list[Nested], alone: dict[str, State]) -> Iterator[str]:
    """Yield each manager that does not set in another one what it sets alone.

    It sets what it changes in any of them, with any argument.
    """
    sets = dict[str, set[str]]()
    for each in nested:
        sets.setdefault(each.inner.name, set()).update(find_changes(each.found, each.inside))
    for each in nested:
        own, other = each.inner.name, each.outer.name
        if other in (WEAKENING - {own}) or own == other in ONLY_ONCE:
            continue
        wanted = alone[f"{each.inner}"]
        for name in sorted(sets[own]):
            if each.inside[name] != wanted[name] and not LISTED.search(name):
                where = f"{each.inner} in {each.outer}"
                yield f"{where} has {name} {each.inside[name]}, not {wanted[name]} as alone"


def find_changes(before: State, after: State) -> set[str]:
    """Return the switches with another value."""
    return {name for name, value in before.items() if after[name] != value}


def describe_leak(label: str, before: State, after: State) -> Iterator[str]:
    """Yield the first switch that is not as it was."""
    for name in sorted(find_changes(before, after))[:1]:
        yield f"{label} leaves {name} {after[name]}, and found {before[name]}"


def use_and_raise(case: ManagerCase) -> None:
    """Leave by an exception."""
    with case.make():
        raise LookupError


def use_as_decorator(case: ManagerCase) -> None:
    """Decorate a function, which calls itself if each call has a context of its own."""

    def count(times: int) -> None:
        if times:
            decorated(times - 1)

    manager = case.make()
    if not callable(manager) or case.name in SET_WHEN_MADE:
        with manager:
            return
    decorated = manager(count)
    decorated(int(hasattr(manager, "clone")))


WAYS: dict[str, Callable[[ManagerCase], None]] = {
    "left by an exception": use_and_raise,
    "as a decorator": use_as_decorator,
}
