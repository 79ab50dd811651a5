"""The throughput of a check: the one figure that both gates judge."""

from __future__ import annotations

from runner.verdict import Verdict
from validation.record import Check, Figure, SuiteResult

BATCH = "batch"
RATE = "_per_s"


def rate_per_second(check: Check) -> Figure | None:
    """Return a check's figure per second, None if it has none or did not pass.

    Only what was proven is judged.
    """
    if check.verdict is not Verdict.PASS:
        return None
    return next(
        (figure for figure in check.figures if figure.name.endswith(RATE) and figure.value > 0),
        None,
    )


def batch_size(check: Check) -> int:
    """Return how many images or sequences a step handled, 0 if the check does not say."""
    return int(next((figure.value for figure in check.figures if figure.name == BATCH), 0))


def rates_by_check(result: SuiteResult) -> dict[str, float]:
    """Return the rate per second of each check that passed."""
    found = ((check.name, rate_per_second(check)) for check in result.checks)
    return {name: rate.value for name, rate in found if rate is not None}
