"""An image that trains slower than it did, shown to the regression gate: no suite can see that by
itself.
"""

from __future__ import annotations

from runner.home import REPOSITORY
from tests.defects.defect import both, patched, with_environment
from validation.executors import docker
from validation.executors.interface import Setup
from validation.record import SuiteResult
from validation.regression import Run, compare_releases, container_runner
from validation.suite import Suite

PACE = Suite(
    "pace",
    "base",
    test_timeout_s=120,
    timeout_s=180,
    listed=False,
    folder=REPOSITORY / "benchmarks",
)
"""Small enough that two dozen containers of it are a matter of minutes on a CPU."""


def runs(clean: Setup, percent: int) -> Run:
    """Runs of the image, and of the same image with every training step `percent` longer (0: the
    image itself).
    """
    slower = both(patched("slower"), with_environment(SLOWER_BY=str(percent)))
    return container_runner(PACE, clean, slower(clean) if percent else clean, docker.run_suite)


def compared(clean: Setup, percent: int) -> SuiteResult:
    """What the regression gate says of them."""
    return compare_releases(runs(clean, percent))
