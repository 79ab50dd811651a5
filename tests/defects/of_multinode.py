"""Defects that the suite of two nodes must catch; the image with each is on both of them."""

from __future__ import annotations

from tests.defects.defect import Defect, patched, told, with_file

SUMMED = "gradients were summed over the ranks instead of averaged"
NO_DRIVER = "RuntimeError: Found no NVIDIA driver"

DEFECTS = (
    Defect(
        "DDP between nodes that sums",
        "multinode",
        (
            ("gradients[gloo]", SUMMED),
            ("slow_node[gloo]", SUMMED),
            ("challenge", "the answer to `gradient gloo` has"),
        ),
        patched("ddp_sums"),
        representative=True,
    ),
    Defect(
        "DDP that goes on without a slow node",
        "multinode",
        (("slow_node[gloo]", "gradients were not synchronised: each rank kept its own"),),
        patched("ddp_leaves_slow_rank"),
    ),
    Defect(
        "a dead peer on another node that nobody notices",
        "multinode",
        (("dead_rank_surfaces", "its collective call neither fails nor ends without its peer"),),
        patched("dead_peer_unnoticed"),
    ),
    Defect(
        "a named interface that is ignored",
        "multinode",
        (("wrong_interface[gloo]", "had no error"),),
        patched("interface_ignored"),
    ),
    Defect(
        "torchrun that starts nothing and exits 0",
        "multinode",
        (
            ("torchrun_trains", "its training left nothing, expected its losses"),
            ("torchrun_fails", "torchrun exited 0 and said `nothing`"),
        ),
        with_file("torchrun_idle/torchrun", "/opt/venv/bin/torchrun"),
    ),
    Defect(
        "ranks on GPUs of two nodes without a GPU",
        "multinode",
        (
            ("gradients[nccl]", NO_DRIVER),
            ("slow_node[nccl]", NO_DRIVER),
            ("transport", NO_DRIVER),
            ("challenge", NO_DRIVER),
            ("torchrun_trains", "torchrun exited 1"),
            ("torchrun_fails", "its training left nothing"),
        ),
        told(device="cuda", gpu_count=1),
    ),
)
