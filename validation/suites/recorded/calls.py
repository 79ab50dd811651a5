"""One recorded call: what is called with which values, and what that gives.

A call of a function is `TOKENS`. One of a method is `TOKENS:METHOD:TOKENS`; the first tokens make
the object, or name it if there is `=$NAME` alone.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from ..contract.recorded_results import MISSING
from . import pool, summaries

FIRST_FILES = 6
"""The constants of the pool are below this number."""


def play_call(called: Any, text: str) -> str:
    """Make a call in a folder of its own, and return the summary of all that it gave.

    That is its result, what became of its values and of its object, and the files that it wrote.
    """
    pool.set_seeds()
    first, _, rest = text.partition(":")
    try:
        given, named = _make_values(first)
        if not rest:
            before = _look_at([*given, *named.values()])
            return _summarise(called(*given, **named), before)
        method, _, second = rest.partition(":")
        made = given[0] if first.startswith("=") else called(*given, **named)
        given, named = _make_values(second)
        before = _look_at([*given, *named.values()])
        pool.set_seeds()
        found = getattr(made, method)
        results = [found]
        if callable(found):
            results = [found(*given, **named)]
            results += [found(*given, **named)] if is_repeated(method) else []
        return _summarise(results, before, made)
    except pool.PackageMissing as error:
        return f"{MISSING}{error}"
    except Exception as error:  # what it refuses is a result, too
        return f"!{type(error).__name__}"
    finally:
        remove_files()


def is_repeated(method: str) -> bool:
    """Return whether a method is called twice, to see what it leaves."""
    return not method.startswith(("backward", "__"))


def _make_values(text: str) -> tuple[list[Any], dict[str, Any]]:
    """Return the values of a call, by place and by name."""
    given, named = pool.read_tokens(text.removeprefix("="))
    return [pool.make_value(each) for each in given], {
        name: pool.make_value(token) for name, token in named.items()
    }


def _summarise(result: Any, before: dict[int, tuple[Any, str]], made: Any = None) -> str:
    """Return the summary of a result, of the object, and of values that the call changed."""
    parts = [summaries.summarise(result)]
    if made is not None:
        parts.append(summaries.summarise(made))
    for value, summary in before.values():
        after = summaries.summarise(value) if value is not made and value is not result else summary
        parts += [after] if after != summary else []
    files = remove_files()
    return "|".join(parts + ([summaries.summarise(files)] if files else []))


def remove_files() -> list[str]:
    """Empty the current folder; return the names of what was there."""
    files = sorted(Path().iterdir())
    for each in files:
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    return [each.name for each in files]


def _look_at(values: list[Any]) -> dict[int, tuple[Any, str]]:
    """Return the summaries of values that a call may change."""
    plain = int | float | str | type | torch.dtype
    return {id(v): (v, summaries.summarise(v)) for v in values if not isinstance(v, plain)}


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Hide what calls print and warn."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def list_parameters(called: Any) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Return the parameters that a call needs, as (name, type), and the defaults of the others.

    Raises ValueError if nothing tells them.
    """
    try:
        parameters = inspect.signature(called).parameters.values()
    except (ValueError, TypeError):
        return _read_docstring(called)
    needed: list[tuple[str, str]] = []
    others: dict[str, Any] = {}
    for each in parameters:
        kind = str(each.annotation) if each.annotation is not each.empty else ""
        if each.kind is each.VAR_POSITIONAL and not needed and not others and "." in str(called):
            needed += [("num_a", "int"), ("num_b", "int")] if inspect.isclass(called) else []
        if each.kind is each.VAR_KEYWORD:
            others |= dict.fromkeys(read_arguments(called), ...)
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            continue
        if each.default is each.empty:
            needed.append(
                (each.name if each.kind is not each.KEYWORD_ONLY else f"{each.name}=", kind)
            )
        else:
            others[each.name] = each.default
    return needed, others


def list_types(called: Any) -> dict[str, str]:
    """Return the types that a signature tells, by parameter."""
    try:
        parameters = inspect.signature(called).parameters.values()
    except (ValueError, TypeError):
        return {}
    typed = [each for each in parameters if each.annotation is not each.empty]
    return {each.name: str(each.annotation) for each in typed}


def read_arguments(called: Any) -> list[str]:
    """Return the parameters that the list in a docstring names."""
    _, _, listed = (getattr(called, "__doc__", "") or "").partition("Args:")
    return re.findall(r"^ +(\w+)(?: \([^)\n]*\))?:", listed, re.MULTILINE)[:16]


def _read_docstring(called: Any) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Return the parameters that the first line of a docstring with brackets names."""
    text = (getattr(called, "__doc__", "") or "").strip()
    found = re.search(r"\w+\(([^)]*)\)", text)
    if not found:
        raise ValueError("nothing tells its parameters")
    inside, others = found.group(1), {}
    ordinary = inside.split("[")[0] if ", /" not in inside else inside
    needed = []
    for word in re.split(r",\s*(?![^(]*\))", ordinary):
        name, equals, default = word.strip().partition("=")
        if not name.isidentifier():
            continue
        if equals:
            with contextlib.suppress(ValueError, SyntaxError):
                others[name] = ast.literal_eval(default)
        else:
            needed.append((name, ""))
    for word in re.findall(r"\[,\s*(\w+)", inside):
        others[word] = None
    return needed, others


@contextlib.contextmanager
def guard_process() -> Iterator[Callable[[], bool]]:
    """Yield what tells whether the state of the process changed; put part of it back."""
    before = _look_at_process()
    yield lambda: _look_at_process() != before
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    # The first use of `torch.compile` turns these checks of arguments off for the whole process.
    torch.distributions.Distribution.set_default_validate_args(__debug__)


def _look_at_process() -> tuple[object, ...]:
    return (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        Path.cwd(),
        torch.are_deterministic_algorithms_enabled(),
        len(os.environ),
        # An integer that is taken for a file may be one that the process needs.
        *map(is_open, range(FIRST_FILES)),
    )


def is_open(descriptor: int) -> bool:
    """Return whether a file descriptor is open."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
