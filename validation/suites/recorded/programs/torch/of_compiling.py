"""Programs with torch.compile, without a compiler: graphs are run as they are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from ... import pool
from ..families import Family
from .compiling_texts import COMPILED, START
from .played_texts import play_text
from .wrapper_texts import TRAINED

TEXTS = {**COMPILED, **TRAINED}


@contextlib.contextmanager
def forget_graphs() -> Iterator[None]:
    """Begin and end without compiled graphs, counts and kept refusals."""
    torch._dynamo.reset()
    allowed: Any = getattr(torch._dynamo.trace_rules, "_allowed_callable_ids", set)
    kept = set(allowed())
    try:
        yield
    finally:
        for each in set(allowed()) - kept:  # a later function may get the number of one of these
            allowed.remove(each)
        torch.compiler.set_stance("default")
        torch._dynamo.reset()
        for name in ("counters", "guard_failures"):
            getattr(torch._dynamo.utils, name, {}).clear()


def play_compiling(kind: str) -> Any:
    """Return what torch.compile makes of functions and modules in one part of its work."""
    pool.set_seeds()
    with forget_graphs():
        return play_text(START + TEXTS[kind])


OF_COMPILING = (Family(play_compiling, lambda: [*TEXTS], lambda _: {}),)
