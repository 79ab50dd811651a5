"""Programs with torch.fx: graphs of functions and modules, and what changes them."""

from __future__ import annotations

from typing import Any

import torch

from ... import pool
from ..families import Family
from .graph_texts import START, TRACED
from .pass_texts import PASSED
from .played_texts import play_text
from .symbol_texts import MADE

TEXTS = {**TRACED, **PASSED, **MADE}


def play_graphs(kind: str) -> Any:
    """Return what torch.fx makes of functions and of a module in one part of its work."""
    pool.set_seeds()
    wrapped: Any = getattr(torch.fx._symbolic_trace, "_wrapped_fns_to_patch", {})
    kept = dict(wrapped)
    try:
        return play_text(START + TEXTS[kind])
    finally:  # what was wrapped would be looked for in each later trace
        wrapped.clear()
        wrapped.update(kept)


OF_GRAPHS = (Family(play_graphs, lambda: [*TEXTS], lambda _: {}),)
