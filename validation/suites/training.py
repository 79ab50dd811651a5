"""Whether a training really trained."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any


def snapshot(parameters: Iterable[Any]) -> list[Any]:
    """A copy of every parameter tensor."""
    return [parameter.detach().clone() for parameter in parameters]


def require_trained(before: Sequence[Any], parameters: Iterable[Any], losses: Sequence[float]) -> None:
    """Raises AssertionError where a loss is not finite, or a parameter tensor is as it was `before`."""
    assert all(math.isfinite(loss) for loss in losses), f"the loss is not finite: {[*losses][-3:]}"
    still = sum(bool((old == new).all()) for old, new in zip(before, parameters, strict=True))
    assert still == 0, f"{still} of {len(before)} parameter tensors did not change in {len(losses)} training steps"
