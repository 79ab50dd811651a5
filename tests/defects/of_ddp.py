"""Defects that the ddp suite must catch."""

from __future__ import annotations

from tests.defects.defect import Defect, patched, told

DEFECTS = (
    Defect(
        "DDP comm hook that sums",
        "ddp",
        (("gloo_gradients", "2.000 times as long"),),
        patched("ddp_sums"),
        representative=True,
    ),
    Defect(
        "DDP that does not synchronise",
        "ddp",
        (("gloo_gradients", "gradients of rank 0 of 2 are off by"),),
        patched("ddp_does_not_sync"),
    ),
    Defect("a rank that hangs", "ddp", (("gloo_gradients", "a rank"),), patched("rank_hangs")),
    Defect("a rank that dies", "ddp", (("gloo_gradients", "a rank"),), patched("rank_dies")),
    Defect(
        "NCCL asked for without a GPU",
        "ddp",
        (("nccl_gradients", "a rank failed"),),
        told(device="cuda", gpu_count=2),
    ),
)
