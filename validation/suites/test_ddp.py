"""DistributedDataParallel gives the gradients of one process on the whole batch.

Ranks are compared with that reference, never with each other: where gradients are summed they still agree.
"""

from __future__ import annotations

from pathlib import Path

from validation.suites import gradients
from validation.suites.conftest import Figures
from validation.suites.expected import Expected
from validation.suites.gpus import require_gpus
from validation.suites.ranks import Group, run_ranks

WORLD_SIZE = 2


def test_gloo_gradients(tmp_path: Path, figure: Figures) -> None:
    _check("gloo", tmp_path, figure)


def test_nccl_gradients(expected: Expected, tmp_path: Path, figure: Figures) -> None:
    require_gpus(expected, WORLD_SIZE, else_reason=f"NCCL gradient sync not proven ({expected.gpu_count} GPU)")
    _check("nccl", tmp_path, figure)


def _check(backend: str, folder: Path, figure: Figures) -> None:
    reference = gradients.single_process()
    for rank, got in enumerate(run_ranks(gradients.rank, Group(WORLD_SIZE, backend, folder))):
        error = gradients.difference(reference, got)
        figure(f"gradient_error rank {rank}", error, "relative")
        assert error <= gradients.LIMIT, (
            f"gradients of rank {rank} of {WORLD_SIZE} are off by {error:.1e} (limit {gradients.LIMIT:.0e}) and "
            f"{gradients.scale(reference, got):.3f} times as long as those of one process on the whole batch: "
            f"{WORLD_SIZE}.000 means summed instead of averaged, 1.0 or less a rank or bucket left out"
        )
