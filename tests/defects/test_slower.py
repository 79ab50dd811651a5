"""The regression gate on real containers: an image slowed down by a sleep in the step, and an image
against itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.verdict import Verdict
from tests.defects.slower import compared
from tests.validation.suites_here import asserted
from validation.executors.interface import Setup

pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture
def clean(image_with: Callable[[str], str], mounted_harness: Path) -> Setup:
    return Setup(image_with("base"), mounted_harness, asserted("base"))


@pytest.mark.parametrize(
    ("percent", "may_end"),
    [
        pytest.param(30, {Verdict.FAIL}, marks=pytest.mark.thorough),
        pytest.param(10, {Verdict.FAIL}, marks=pytest.mark.every_defect),
        pytest.param(5, {Verdict.FAIL, Verdict.INCONCLUSIVE}, marks=pytest.mark.every_defect),
    ],
)
def test_slower(percent: int, may_end: set[Verdict], clean: Setup) -> None:
    """5 % is near the limit of 2: where other programs disturb the runs it may stay undecided,
    which blocks too.
    """
    result = compared(clean, percent)
    assert result.verdict in may_end, result
    assert "against the previous release" in result.reason


@pytest.mark.every_defect
def test_the_same_image_is_not_slower(clean: Setup) -> None:
    result = compared(clean, 0)
    assert result.verdict in (Verdict.PASS, Verdict.INCONCLUSIVE), result
