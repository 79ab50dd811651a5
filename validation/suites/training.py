"""Whether a training really trained."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from .outcome import require


def copy_parameters(parameters: Iterable[Any]) -> list[Any]:
    """Return a copy of every parameter tensor."""
    return [parameter.detach().clone() for parameter in parameters]


def require_trained(
    before: Sequence[Any], parameters: Iterable[Any], losses: Sequence[float]
) -> None:
    """Fail the check if a loss is not finite, or a parameter tensor is still as it was `before`."""
    require(
        losses and all(math.isfinite(loss) for loss in losses),
        f"the loss is not finite: it ended with {[*losses][-3:]}",
        "finite losses",
        "a kernel that gives NaN or infinity, or gradients that overflow",
    )
    still = sum(bool((old == new).all()) for old, new in zip(before, parameters, strict=True))
    require(
        still == 0,
        f"{still} of {len(before)} parameter tensors did not change in training",
        "every one to change",
        "an optimizer that takes no step, or gradients that are zero",
    )


def require_fall(losses: Sequence[float], factor: float, window: int = 1) -> None:
    """Fail the check unless the loss fell below `factor` times its first value.

    Both values are means over `window` steps.
    """
    first, last = sum(losses[:window]) / window, sum(losses[-window:]) / window
    require(
        last < factor * first,
        f"the loss went from {first:.3f} to {last:.3f} in {len(losses)} steps",
        f"less than {factor * first:.3f}",
        "gradients that do not point downhill, or an optimizer that does not follow them",
    )
