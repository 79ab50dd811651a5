"""Budgets of size, packages, layers and growth."""

from __future__ import annotations

import pytest

from images import catalog
from images.catalog import Budget
from scan.budget import ImageUsage, check_budget

BUDGET = Budget(megabytes=100, packages=10, layers=5)
WITHIN = ImageUsage(100_000_000, 10, 5)


def says(spent: ImageUsage, before: int | None = None) -> list[str]:
    return [problem.what for problem in check_budget("cv", spent, BUDGET, 5, before)]


def test_up_to_the_budget_is_within() -> None:
    assert says(WITHIN) == says(WITHIN, before=100_000_000) == says(WITHIN, before=96_000_000) == []


@pytest.mark.parametrize(
    ("spent", "before", "what"),
    [
        (ImageUsage(300_000_000, 10, 5), None, "compressed size: 300 MB, the budget is 100 MB"),
        (ImageUsage(1, 11, 5), None, "packages: 11, the budget is 10"),
        (ImageUsage(1, 10, 6), None, "layers: 6, the budget is 5"),
        (WITHIN, 90_000_000, "11.1 % larger than the previous release, 5 % are allowed"),
    ],
)
def test_beyond_it(spent: ImageUsage, before: int | None, what: str) -> None:
    assert says(spent, before) == [what]


def test_an_image_may_take_what_its_stacks_may() -> None:
    shipped = catalog.load_catalog()
    parts = [shipped.stacks[stack].budget for stack in ("base", "cv", "nlp")]
    assert shipped.budget_of("2.6", "cv-nlp") == Budget(
        sum(part.megabytes for part in parts),
        sum(part.packages for part in parts),
        sum(part.layers for part in parts),
    )
