"""Scores of a TorchScript file in a process that does not know the class it was made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from . import new_python
from .outcome import require

LIMIT = 1e-6
"""Largest difference allowed, relative to the largest score.

It allows the fp32 rounding of a few operations in another order.
"""

_SCRIPT = """
import sys, torch
inputs = torch.load("inputs.pt", weights_only=True)
with torch.inference_mode():
    loaded = {name: torch.jit.load(name, map_location=sys.argv[1]) for name in sys.argv[2:]}
    scores = {name: scored(*inputs) for name, scored in loaded.items()}
torch.save(scores, "scores.pt")
"""


def compute_scores(
    folder: Path, device: str, names: tuple[str, ...], inputs: tuple[Any, ...]
) -> dict[str, Any]:
    """Return what each TorchScript file makes of `inputs` in a new process on `device`.

    The files are in `folder`.
    """
    torch.save(inputs, folder / "inputs.pt")
    ended = new_python.run_python(["-c", _SCRIPT, device, *names], folder)
    require(
        ended.code == 0,
        f"a fresh process that loads {' and '.join(names)} {ended}",
        "scores",
        "a TorchScript file that needs the code it was made of, or that was not written whole",
    )
    return dict(torch.load(folder / "scores.pt", weights_only=True))


def relative_difference(got: Any, wanted: Any) -> float:
    """Return the largest difference relative to the largest wanted score.

    It is infinite if the shapes differ or a difference is NaN.
    """
    if got.shape != wanted.shape:
        return float("inf")
    error = float((got.cpu() - wanted.cpu()).abs().max() / wanted.abs().max())
    return error if error == error else float("inf")  # noqa: PLR0124 - NaN is not itself
