"""Play a text of Python: what each expression gives, and what each statement is refused with."""

from __future__ import annotations

import ast
import functools
import textwrap
from collections.abc import Callable
from typing import Any

from .telling import attempt


def keep_value(value: Any) -> Any:
    """Return a value as it is."""
    return value


def play_steps(text: str, tell: Callable[[Any], Any] = keep_value, **names: Any) -> list[Any]:
    """Return what all expressions of a text give, or the names of their errors, in order.

    A statement gives nothing but the name of its error. Each part of an expression with commas
    is played on its own.
    """
    names["__name__"] = "steps"
    results: list[Any] = []
    for step in ast.parse(textwrap.dedent(text)).body:
        if isinstance(step, ast.Expr):
            whole = step.value
            for part in whole.elts if isinstance(whole, ast.Tuple) else [whole]:
                code = compile(ast.Expression(part), "steps", "eval")
                played = functools.partial(eval, code, names)
                results.append(attempt(lambda play=played: tell(play())))
        else:
            code = compile(ast.Module([step], []), "steps", "exec")
            refused = attempt(functools.partial(exec, code), names)  # all texts are our own
            results += [refused] if refused else []
    return results
