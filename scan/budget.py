"""Size, packages and layers against the catalogue's budgets, and growth against the release
before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from images.catalog import Budget
from scan.record import Problem

BUDGET = "budget"
WAY_OUT = (
    "make the image smaller, or raise the budget in images/catalog.yaml and say why in the commit"
)
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Spent:
    """What an image takes: compressed bytes, packages in its bill of materials, layers."""

    size: int
    packages: int
    layers: int


def problems(
    image: str, spent: Spent, budget: Budget, growth_percent: float, before: int | None
) -> Iterator[Problem]:
    """What an image takes beyond its budget.

    `before` is the compressed size of the release before, if there is one.
    """
    parts = (
        ("compressed size", spent.size / MEGABYTE, budget.megabytes, " MB"),
        ("packages", spent.packages, budget.packages, ""),
        ("layers", spent.layers, budget.layers, ""),
    )
    for what, found, allowed, unit in parts:
        if found > allowed:
            yield Problem(
                BUDGET, image, f"{what}: {found:.0f}{unit}, the budget is {allowed}{unit}", WAY_OUT
            )
    if before and (grown := 100 * (spent.size - before) / before) > growth_percent:
        what = f"{grown:.1f} % larger than the release before, {growth_percent:g} % are allowed"
        yield Problem(BUDGET, image, what, WAY_OUT)
