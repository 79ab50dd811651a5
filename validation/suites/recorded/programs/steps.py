"""Play a text of Python: what each expression gives, and what each statement is refused with."""

from __future__ import annotations

import ast
import functools
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from .. import pool
from .telling import attempt, tell_bytes

Play = Callable[[], Any]
"""Plays one step of a text."""

FEW = 4
"""So many numbers are told as they are."""

MUCH = 1e3


def keep_value(value: Any) -> Any:
    """Return a value as it is."""
    return value


def tell_sums(value: Any) -> Any:
    """Return tensors and arrays, also those in containers, as two numbers each.

    So one of many results counts as much as a large one. Whole numbers are told exactly.
    """
    if isinstance(value, Mapping):
        return {key: tell_sums(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [tell_sums(each) for each in value]
    if isinstance(value, torch.Tensor) and value.layout == torch.strided:
        plain = value.detach().resolve_conj().resolve_neg()
        kept = plain.float() if plain.dtype == torch.bfloat16 else plain
        return [str(value.dtype), value.requires_grad, *tell_sums(kept.numpy())[1:]]
    is_told = isinstance(value, np.ndarray) and value.dtype.kind in "biufc"
    return tell_sum(value) if is_told else value


def tell_sum(value: Any) -> list[Any]:
    """Return the type, the shape, the odd places, a weighted sum and the size of an array."""
    parts: list[Any] = [str(value.dtype), str(value.shape)]
    if value.dtype.kind in "biu":
        return [*parts, tell_bytes(value.astype("i8").tobytes())]
    flat = np.stack([np.real(value), np.imag(value)]).ravel().astype("f8")
    flat = flat if value.dtype.kind == "c" else flat[: value.size]
    finite = np.isfinite(flat)
    parts.append(str([*np.flatnonzero(~finite)[:FEW], np.isnan(flat).sum()]))
    flat = np.where(finite, flat, 0.0)
    sizes = np.abs(flat)  # a huge one must not hide all others
    flat = np.sign(flat) * np.minimum(sizes, MUCH + np.log1p(sizes))
    if flat.size <= FEW:
        return [*parts, flat]
    weights = 0.5 + (np.arange(flat.size) * 0.6180339887) % 1.0
    return [*parts, float(weights @ flat) / flat.size**0.5, float(np.sqrt((flat**2).mean()))]


def list_steps(text: str, names: dict[str, Any]) -> Iterator[tuple[Play, bool]]:
    """Yield each statement and expression of a text, and whether it is an expression.

    Each part of an expression with commas is played on its own. All texts are our own.
    """
    for step in ast.parse(textwrap.dedent(text)).body:
        if isinstance(step, ast.Expr):
            whole = step.value
            for part in whole.elts if isinstance(whole, ast.Tuple) else [whole]:
                code = compile(ast.Expression(part), "steps", "eval", dont_inherit=True)
                yield functools.partial(eval, code, names), True
        else:
            code = compile(ast.Module([step], []), "steps", "exec", dont_inherit=True)
            yield functools.partial(exec, code, names), False


def play_steps(text: str, tell: Callable[[Any], Any] = keep_value, **names: Any) -> list[Any]:
    """Return what all expressions of a text give, or the names of their errors, in order.

    A statement gives nothing but the name of its error.
    """
    names["__name__"] = "steps"
    results: list[Any] = []
    for step, is_value in list_steps(text, names):
        given = attempt(lambda play=step: tell(play())) if is_value else attempt(step)
        results += [given] if is_value or given else []
    return results


def play_sums(text: str, **names: Any) -> list[Any]:
    """Return the sums of what the expressions of a text give, and of what it adds to `out`."""
    out: list[Any] = []
    names |= {"np": np, "torch": torch, "tried": attempt, "note": note, "ask": ask}
    given = play_steps(text, out=out, seed=pool.set_seeds, **names)
    return [tell_sums(given), tell_sums(out)]


def note(called: Callable[[], Any]) -> list[Any]:
    """Return what a call gives, and the texts of its warnings.

    That a file was not closed is told whenever the memory is collected, so it does not count.
    """
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)
        given = called()
    return [given, [f"{each.category.__name__}: {each.message}" for each in found]]


def ask(called: Callable[[], Any]) -> Any:
    """Return what a call gives, or the whole text of the error that refuses it."""
    try:
        return called()
    except Exception as error:  # what is refused is a result, too
        return f"!{type(error).__name__}: {error}"
