"""Every switch of torch, found by walking its modules: a new one appears by itself.

The rules: all properties of `torch.backends`; every function that takes no argument and whose name
says that it reads something, in the public modules of torch and in `torch._C`; every entry of every
configuration module; every table of hooks for all modules and optimizers; every module variable
that is a truth value.
"""

from __future__ import annotations

import ctypes
import inspect
import re
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .rendering import State, Value, is_shortened, render_value

_READS = re.compile(
    r"(?:^|_)(?:get|is|are|has|len|can|allow|preferred|version|enabled)(?:_|$|(?<=[a-z])[A-Z])"
)
_WRITES = re.compile(r"(?:^|_)(?:set|reset|clear|init|lazy_init|enable|disable)(?:_|$)")
_PUBLIC = re.compile(r"(?:get|is|are)_")
"""Functions for everybody check their arguments, and the ones that they need are often optional."""

_NO_ARGUMENTS = 0x4  # METH_NOARGS of methodobject.h
_LEFT_OUT = {
    r"^torch\.utils\.(collect_env|cpp_backtrace)\b": "they start programs and describe the machine",
    r"_supported$|cpu_capability$": "they say what this CPU can do; see `cpu_capability`",
    r"\b_?get_thread_name$": "it is the name of the program",
    r"^torch\._C\._profiler\b": "they tell the time, or wait for what is recorded",
    r"rng_state": "it is another one in each process",
    r"_is_in_bad_fork$|sequence_nr$": "they say what the process has done so far",
}
"""Names of functions that are not called, and why."""
_HOOKS = re.compile(r"^_global_.*(hooks|always_called)|_hooks$")
CAPABILITY = "cpu_capability"


def list_switches() -> State:
    """Return every switch of the torch that is imported, by module."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: State = {}
        seen = set[int]()
        for module, name, value in _walk_torch(seen):
            found.setdefault(module, {})[name] = value
        return found


def _walk_torch(seen: set[int]) -> Iterator[tuple[str, str, Value]]:
    loaded = [
        (name, sys.modules[name])
        for name in sorted(sys.modules, key=lambda name: ("._" in name, name))
        if name.partition(".")[0] == "torch" and isinstance(sys.modules[name], types.ModuleType)
    ]
    for name, module in loaded:
        if name.startswith("torch.backends"):
            yield from _read_properties(name, module, seen)
        if name.startswith("torch._C") or "._" not in name:
            yield from _call_getters(name, module, seen)
        yield from _read_configuration(name, module)
        yield from read_variables(name, module)
    torch = sys.modules["torch"]
    yield "torch.backends.cpu", CAPABILITY, judge_cpu_capability(torch)


def _read_properties(path: str, owner: object, seen: set[int]) -> Iterator[tuple[str, str, Value]]:
    """Yield the properties of a module of `torch.backends`, and of the objects in it."""
    # a module that has been replaced by an object shows the names of neither
    for name in sorted({*dir(owner), *dir(type(owner)), *list_getattr_names(owner)}):
        if name.startswith("__"):
            continue
        try:
            value = getattr(owner, name)
        except Exception:  # noqa: S112 - a property of another platform
            continue
        kind = type(value)
        if kind is types.ModuleType and value.__name__ == path:
            yield from _call_getters(path, value, seen)
        elif value is None or kind in (bool, int, float, str):
            yield path, name, render_value(value, name)
        elif kind.__module__.startswith("torch.backends") and id(value) not in seen:
            seen.add(id(value))
            yield from _read_properties(f"{path}.{name}", value, seen)


def list_getattr_names(owner: object) -> tuple[str, ...]:
    """Return the names that the `__getattr__` of a class knows: they are constants of its code."""
    code = getattr(getattr(type(owner), "__getattr__", None), "__code__", None)
    constants = code.co_consts if code else ()
    return tuple(each for each in constants if isinstance(each, str) and each.isidentifier())


def _call_getters(
    path: str, module: types.ModuleType, seen: set[int]
) -> Iterator[tuple[str, str, Value]]:
    for name in dir(module):
        full = f"{path}.{name}"
        if not says_that_it_reads(name) or any(re.search(pattern, full) for pattern in _LEFT_OUT):
            continue
        getter = vars(module).get(name)
        if not _takes_nothing(getter, name, path) or id(getter) in seen:
            continue
        seen.add(id(getter))
        # the last line of a process that such a function ends
        print(f"reads {full}", file=sys.stderr, flush=True)
        try:
            value = getter()  # type: ignore[misc] # a function, as was just seen
        except Exception:  # noqa: S112 - it takes arguments, or is for a device that is not there
            continue
        rendered = render_value(value, name)
        if not is_shortened(rendered):  # a table of operators or types is no switch
            yield path, name, rendered


def says_that_it_reads(name: str) -> bool:
    """Return whether the name of a function says that it reads a setting and changes nothing."""
    return bool(_READS.search(name)) and not _WRITES.search(name)


def _takes_nothing(getter: object, name: str, path: str) -> bool:
    """Return whether an object is a function of this module that can be called without arguments.

    Some compiled functions crash if they get too few.
    """
    if isinstance(getter, types.BuiltinFunctionType):
        flags = ctypes.pythonapi.PyCFunction_GetFlags(ctypes.py_object(getter))
        declared = (getter.__doc__ or "").startswith(f"{name}() -> ")  # by pybind11
        return bool(flags & _NO_ARGUMENTS) or declared or bool(_PUBLIC.match(name))
    if not isinstance(getter, types.FunctionType) or getter.__module__ not in (path, "torch"):
        return False
    try:
        inspect.signature(getter).bind()
    except (TypeError, ValueError):
        return False
    return True


def _read_configuration(path: str, module: types.ModuleType) -> Iterator[tuple[str, str, Value]]:
    """Yield the entries of a configuration module (torch/utils/_config_module.py)."""
    entries = vars(module).get("_config")
    if not isinstance(entries, dict) or "_is_dirty" not in vars(module):
        return
    for name in entries:
        try:
            value = getattr(module, name)
        except Exception:  # noqa: S112 - an old name that says so
            continue
        yield path, name, render_value(value, name)


def read_variables(path: str, module: types.ModuleType) -> Iterator[tuple[str, str, Value]]:
    """Yield the variables of a module that are truth values, and its tables of hooks."""
    for name, value in vars(module).items():
        if type(value) is bool and name not in ("TYPE_CHECKING", "_is_dirty"):
            yield path, name, value
        elif _HOOKS.search(name) and isinstance(value, dict | list):
            yield path, name, render_value(value)


def judge_cpu_capability(torch: Any) -> str:
    """Return whether torch uses the best instructions of this CPU, else those that it uses."""
    used = str(torch.backends.cpu.get_cpu_capability())
    flags = set[str]()
    with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("flags"):
                flags = set(line.split())
                break
    has_512 = {"avx512f", "avx512bw", "avx512vl", "avx512dq", "fma"} <= flags
    best = "AVX512" if has_512 else "AVX2" if {"avx2", "fma"} <= flags else "DEFAULT"
    return "the best of this CPU" if used.startswith(best) else used
