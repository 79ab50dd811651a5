"""Worker processes deliver every sample once, in order, unharmed, through shared memory that is really filled."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import DataLoader

from validation.suites import shared_memory
from validation.suites.conftest import Figures
from validation.suites.samples import SAMPLE_BYTES, VALUES, Counting, Raising

WORKERS = 2
PREFETCH = 4
BATCH = 2
SAMPLES = 24
IN_FLIGHT = WORKERS * PREFETCH * BATCH * SAMPLE_BYTES
"""128 MiB wait in shared memory while nobody takes them: twice what an engine gives by default."""


def test_batches_through_shared_memory(figure: Figures) -> None:
    """Nothing is taken until more than 64 MB wait at once; then every batch is compared with what it must be."""
    shared_memory.require_free(IN_FLIGHT + 2 * BATCH * SAMPLE_BYTES)
    before = shared_memory.used_bytes()
    loader = DataLoader(Counting(SAMPLES), batch_size=BATCH, num_workers=WORKERS, prefetch_factor=PREFETCH)
    batches = iter(loader)
    peak = shared_memory.wait_until_used(before, IN_FLIGHT, seconds=20)
    figure("shm_in_flight", peak / 1e6, "MB")
    assert peak > 64e6, f"only {peak / 1e6:.0f} MB of batches were in shared memory at once, of {IN_FLIGHT / 1e6:.0f}"
    seen = 0
    for number, batch in enumerate(batches):
        first = number * BATCH * VALUES
        wanted = torch.arange(first, first + BATCH * VALUES).reshape(BATCH, VALUES)
        assert torch.equal(batch, wanted), f"batch {number} is not samples {number * BATCH} to {number * BATCH + 1}"
        seen += len(batch)
    assert seen == SAMPLES, f"{seen} samples were delivered, of {SAMPLES}"


def test_worker_exception_surfaces() -> None:
    """An error in a worker reaches the training loop with its message, and does not hang it."""
    said = _error_of(DataLoader(Raising(4, bad=2, message="planted in sample 2"), batch_size=1, num_workers=WORKERS))
    assert "planted in sample 2" in said, f"the training loop saw {said or 'no error'} of a worker's ValueError"


def _error_of(loader: Any) -> str:  # noqa: ANN401 - torch is not in the harness' own environment
    """Its text. Torch raises it from a frame that keeps it alive, and the workers with it, until some collection of
    garbage waits 5 s for each; without its traceback they end at once."""
    try:
        list(loader)
    except ValueError as error:
        return str(error.with_traceback(None))
    return ""
