"""The throughput of a check: the one figure that both gates judge."""

from __future__ import annotations

from runner.verdict import Verdict
from validation.record import Check, Figure, SuiteResult

BATCH = "batch"


def rate_of(check: Check) -> Figure | None:
    """Its figure per second; None where it has none or did not pass, since only what was proven is
    judged.
    """
    if check.verdict is not Verdict.PASS:
        return None
    return next(
        (figure for figure in check.figures if figure.unit.endswith("/s") and figure.value > 0),
        None,
    )


def batch_of(check: Check) -> int:
    """How many images or sequences a step handled; 0 where the check does not say."""
    return int(next((figure.value for figure in check.figures if figure.name == BATCH), 0))


def rates(result: SuiteResult) -> dict[str, float]:
    """Per check that passed, how much it did in a second."""
    found = ((check.name, rate_of(check)) for check in result.checks)
    return {name: rate.value for name, rate in found if rate is not None}
