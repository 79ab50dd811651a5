"""Size, packages and layers against the catalogue's budgets and the previous release."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from images.catalog import Budget
from scan.record import ScanProblem

BUDGET = "budget"
WAY_OUT = (
    "make the image smaller, or raise the budget in images/catalog.yaml and say why in the commit"
)
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class ImageUsage:
    """Size of an image: compressed bytes, packages in its SBOM, layers."""

    size: int
    packages: int
    layers: int


def check_budget(
    image: str, spent: ImageUsage, budget: Budget, growth_percent: float, before: int | None
) -> Iterator[ScanProblem]:
    """Yield a problem for everything beyond the budget of `image`.

    `before` is the compressed size in bytes of the previous release, None if there is none.
    """
    parts = (
        ("compressed size", spent.size / MEGABYTE, budget.megabytes, " MB"),
        ("packages", spent.packages, budget.packages, ""),
        ("layers", spent.layers, budget.layers, ""),
    )
    for what, found, allowed, unit in parts:
        if found > allowed:
            yield ScanProblem(
                BUDGET, image, f"{what}: {found:.0f}{unit}, the budget is {allowed}{unit}", WAY_OUT
            )
    if before and (grown := 100 * (spent.size - before) / before) > growth_percent:
        what = f"{grown:.1f} % larger than the previous release, {growth_percent:g} % are allowed"
        yield ScanProblem(BUDGET, image, what, WAY_OUT)
