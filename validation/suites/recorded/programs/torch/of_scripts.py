"""Programs with torch.jit: compiled functions and modules, traces, and what is kept of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from ... import pool
from ..families import Family
from .module_texts import HELD
from .played_texts import play_text
from .refusal_texts import CHOSEN
from .script_texts import COMPILED, START
from .trace_texts import FOLLOWED

TEXTS = {**COMPILED, **CHOSEN, **HELD, **FOLLOWED}


@contextlib.contextmanager
def keep_switches() -> Iterator[None]:
    """Put the switches of the compiler back after the block."""
    kept = torch.jit.set_fusion_strategy([("STATIC", 2), ("DYNAMIC", 10)])
    torch.jit.set_fusion_strategy(kept)
    fuses = torch.jit.onednn_fusion_enabled()
    try:
        yield
    finally:
        torch.jit.set_fusion_strategy(kept)
        torch.jit.enable_onednn_fusion(fuses)


def play_scripts(kind: str) -> Any:
    """Return what torch.jit makes of functions, classes and modules in one part of its work."""
    pool.set_seeds()
    with keep_switches():
        return play_text(START + TEXTS[kind])


OF_SCRIPTS = (Family(play_scripts, lambda: [*TEXTS], lambda _: {}),)
