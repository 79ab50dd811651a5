"""Programs with torch.export: whole programs, their shapes, parts and branches."""

from __future__ import annotations

from typing import Any

import torch

from ... import pool
from ..families import Family
from .export_texts import EXPORTED, START
from .part_texts import DIVIDED
from .played_texts import play_text

TEXTS = {**EXPORTED, **DIVIDED}


def play_exports(kind: str) -> Any:
    """Return what torch.export makes of functions and modules in one part of its work."""
    pool.set_seeds()
    try:
        return play_text(START + TEXTS[kind])
    finally:
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()


OF_EXPORTS = (Family(play_exports, lambda: [*TEXTS], lambda _: {}),)
