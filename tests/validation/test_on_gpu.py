"""The real base image on real GPUs. Counted as not run where there is none."""

from __future__ import annotations

import pytest

from images import catalog
from images.catalog import BASE
from runner.verdict import Verdict
from tests.publish.released import built
from validation.asserted import expected_of
from validation.machine import find_gpus
from validation.run import validate

pytestmark = [pytest.mark.gpu, pytest.mark.docker, pytest.mark.slow]


def test_every_check_of_base_runs_and_passes(base_image: str) -> None:
    """But for gradient synchronisation over NCCL, which one GPU cannot prove."""
    shipped = catalog.load()
    expected = expected_of(shipped, "2.6", (BASE,))
    host, _, rest = base_image.partition("/")
    repository, _, digest = rest.partition("@")
    record = validate(built(BASE, digest, repository), expected, "cuda", host)
    short = {check.name: check.verdict for suite in record.suites for check in suite.checks}
    unproven = {name for name, verdict in short.items() if verdict is not Verdict.PASS}
    assert unproven <= ({"nccl_gradients"} if len(find_gpus().names) == 1 else set())
    assert record.environment.device == "cuda"
