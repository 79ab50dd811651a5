"""Defects that the dataloader suite must catch."""

from __future__ import annotations

from runner.verdict import Verdict
from tests.defects.defect import Defect, patched, with_shm

DEFECTS = (
    Defect(
        "a sample delivered twice",
        "dataloader",
        (("batches_through_shared_memory", "batch 3 is not samples 6 to 7"),),
        patched("sample_repeated"),
    ),
    Defect(
        "the last samples left out",
        "dataloader",
        (("batches_through_shared_memory", "22 samples were delivered, of 24"),),
        patched("samples_dropped"),
    ),
    Defect(
        "workers that prefetch nothing",
        "dataloader",
        (("batches_through_shared_memory", "MB of batches were in shared"),),
        patched("no_shared_memory"),
    ),
    Defect(
        "a worker's exception swallowed",
        "dataloader",
        (("worker_exception_surfaces", "the training loop saw no error"),),
        patched("worker_error_swallowed"),
    ),
    Defect(
        "shared memory of 16 MB",
        "dataloader",
        (("batches_through_shared_memory", "shm is too small: 17 MB free"),),
        with_shm(16 << 20),
        Verdict.INFRA,
        representative=True,
    ),
)
