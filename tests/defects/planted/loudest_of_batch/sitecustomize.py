"""The loudest clip of a batch decides what of the others is silence."""

from typing import Any

import torch
import torchaudio

exact = torchaudio.functional.amplitude_to_DB


def to_decibels(
    x: torch.Tensor, multiplier: float, amin: float, db_multiplier: float, top_db: Any = None
) -> torch.Tensor:
    levels = exact(x, multiplier, amin, db_multiplier)
    return levels if top_db is None else levels.clamp(min=float(levels.max()) - top_db)


torchaudio.functional.amplitude_to_DB = to_decibels
