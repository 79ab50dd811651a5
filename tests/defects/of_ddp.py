"""Defects that the ddp suite must catch."""

from __future__ import annotations

from tests.defects.defect import Defect, patched, told

COMPARED = (
    "integer_gradients",
    "small_buckets",
    "no_sync",
    "bucket_view",
    "static_graph",
    "unused_parameters",
    "uneven_inputs",
    "amp_gradients",
)
"""Checks that compare the gradients of two ranks with those of one process."""

NO_DRIVER = "ranks 0, 1 of 2 raised RuntimeError: Found no NVIDIA driver"
MODES = (
    *COMPARED,
    "unused_parameters_surface",
    "amp_overflow",
    "seeded_runs",
    "collectives",
    "barrier",
    "buffers",
    "shared_norms",
)


def _over(backend: str, checks: tuple[str, ...], says: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"{check}[{backend}]", says) for check in checks)


HOOK_TAKEN = "can only be called once"
"""A planted hook leaves no room for another one."""

OTHER_HOOKS = (("communication_hooks", HOOK_TAKEN), ("parallel_trainings", HOOK_TAKEN))
DEFECTS = (
    Defect(
        "DDP comm hook that sums",
        "ddp",
        (
            ("gloo_gradients", "2.000 times as long"),
            *_over("gloo", COMPARED, "gradients were summed over the ranks instead of averaged"),
            ("challenge", "the answer to `gradient gloo rank 0 of 2` has"),
            *OTHER_HOOKS,
        ),
        patched("ddp_sums"),
        representative=True,
    ),
    Defect(
        "DDP that does not synchronise",
        "ddp",
        (
            ("gloo_gradients", "gradients were not synchronised: each rank kept its own"),
            *_over("gloo", COMPARED, "gradients were not synchronised: each rank kept its own"),
            ("amp_overflow[gloo]", "rank 0 of 2 skipped steps []"),
            ("challenge", "the answer to `gradient gloo rank 0 of 2` has"),
            *OTHER_HOOKS,
        ),
        patched("ddp_does_not_sync"),
    ),
    Defect(
        "DDP comm hook that drops a bucket",
        "ddp",
        (
            (
                "small_buckets[gloo]",
                "a bucket was left out: parameters [2] of 6 are zero, the others right",
            ),
            *OTHER_HOOKS,
        ),
        patched("ddp_drops_bucket"),
    ),
    Defect(
        "DDP that rounds to half precision",
        "ddp",
        (
            (
                "integer_gradients[gloo]",
                "integer gradients of rank 0 of 2 differ, expected equality",
            ),
            *OTHER_HOOKS,
        ),
        patched("ddp_rounds"),
    ),
    Defect(
        "bucket_cap_mb that is ignored",
        "ddp",
        (("small_buckets[gloo]", "1 bucket with bucket_cap_mb=0.004, expected more than 2"),),
        patched("ddp_ignores_bucket_cap"),
    ),
    Defect(
        "no_sync that is ignored",
        "ddp",
        (("no_sync[gloo]", "no_sync is ignored: every pass synchronises"),),
        patched("ddp_ignores_no_sync"),
    ),
    Defect(
        "gradient_as_bucket_view that is ignored",
        "ddp",
        (
            (
                "bucket_view[gloo]",
                "6 separate memories hold the gradients, expected views of 1 bucket",
            ),
        ),
        patched("ddp_copies_gradients"),
    ),
    Defect(
        "static_graph that is ignored",
        "ddp",
        (("static_graph[gloo]", "static_graph is ignored: a parameter was used twice"),),
        patched("ddp_ignores_static_graph"),
    ),
    Defect(
        "find_unused_parameters that is ignored",
        "ddp",
        (
            (
                "unused_parameters[gloo]",
                "find_unused_parameters is ignored: some parameters had no gradient",
            ),
        ),
        patched("ddp_misses_unused"),
    ),
    Defect(
        "unused parameters silently ignored",
        "ddp",
        (("unused_parameters_surface[gloo]", "said 'nothing' to parameters without a gradient"),),
        patched("ddp_hides_unused"),
    ),
    Defect(
        "join that does nothing",
        "ddp",
        (
            ("uneven_inputs[gloo]", "a rank left while others still waited for it"),
            ("parallel_trainings", "of 2 still ran after"),
        ),
        patched("ddp_ignores_join"),
    ),
    Defect(
        "AMP in DDP that never scales",
        "ddp",
        (
            ("amp_gradients[gloo]", "scales its loss by 1, expected 1048576"),
            (
                "amp_overflow[gloo]",
                "GradScaler steps along an infinite gradient, does not see it, or scales nothing",
            ),
        ),
        patched("scaler_idle"),
    ),
    Defect(
        "AMP in DDP that steps along infinite gradients",
        "ddp",
        (("amp_overflow[gloo]", "rank 0 of 2 skipped steps []"),),
        patched("scaler_blind"),
    ),
    Defect(
        "training whose seed is ignored",
        "ddp",
        (("seeded_runs[gloo]", "differ between two runs of one seed, expected none"),),
        patched("seed_ignored"),
    ),
    Defect(
        "a rank that hangs",
        "ddp",
        (("static_graph[gloo]", "rank 1 of 2 still ran after 25 s, in init (sitecustomize.py"),),
        patched("rank_hangs"),
    ),
    Defect(
        "a rank that dies",
        "ddp",
        (("bucket_view[gloo]", "rank 1 of 2 died with exit code 9 and no error"),),
        patched("rank_dies"),
    ),
    Defect(
        "a rank that crashes",
        "ddp",
        (("small_buckets[gloo]", "rank 1 of 2 was killed by SIGSEGV"),),
        patched("rank_crashes"),
    ),
    Defect(
        "a dead peer that nobody notices",
        "ddp",
        (("dead_rank_surfaces", "rank 0 of 2 still waited 4."),),
        patched("dead_peer_unnoticed"),
    ),
    Defect(
        "a group's timeout that is ignored",
        "ddp",
        (("hung_rank_surfaces", "the timeout of 2.0 s of the group is ignored"),),
        patched("group_timeout_ignored"),
    ),
    Defect(
        "large tensors that are not added up",
        "ddp",
        (("collectives[gloo]", "all_reduce of 4194316 bytes of float32"),),
        patched("large_sums_skipped"),
    ),
    Defect(
        "tensors gathered in the opposite order",
        "ddp",
        (("collectives[gloo]", "all_gather of 1 bytes of float32"),),
        patched("gathered_backwards"),
    ),
    Defect(
        "a barrier that is open",
        "ddp",
        (("barrier[gloo]", "rank 0 of 2 left a barrier 0.6 s before rank 1 came"),),
        patched("barrier_open"),
    ),
    Defect(
        "buffers that ranks keep for themselves",
        "ddp",
        (("buffers[gloo]", "rank 1 of 2, wrapped, broadcast_buffers=True: its buffer is"),),
        patched("buffers_kept"),
    ),
    Defect(
        "batch norms that are not shared",
        "ddp",
        (("shared_norms[gloo]", "0 of 2 batch norms were converted"),),
        patched("norms_not_shared"),
    ),
    Defect(
        "a hook in half precision that sums",
        "ddp",
        (("communication_hooks", "public hooks, fp16_compress_hook, step 1: off by 1.0e+00"),),
        patched("hook_sums"),
    ),
    Defect(
        "a sharded optimizer that saves one rank's state",
        "ddp",
        (("parallel_trainings", "sharded state, "),),
        patched("sharded_state_lost"),
    ),
    Defect(
        "objects that are gathered in reverse order",
        "ddp",
        (("messages", "objects, gather_object on 0: got"),),
        patched("gathered_names_reversed"),
    ),
    Defect(
        "a store that swaps without comparing",
        "ddp",
        (("stores", "compare_set of HashStore: got"),),
        patched("swaps_always"),
    ),
    Defect(
        "sharded tensors that are never whole",
        "ddp",
        (("sharded_models", "in distributed tensors: RuntimeError"),),
        patched("sums_stay_apart"),
    ),
    Defect(
        "join that always divides by all ranks",
        "ddp",
        (
            (
                "parallel_trainings",
                "uneven inputs, model.join, divide_by_initial_world_size=False: off by",
            ),
        ),
        patched("join_divides_by_all"),
    ),
    Defect(
        "torchrun that hides failures",
        "ddp",
        (("torchrun_exit_code", "torchrun ended with 0 after a rank that ended with 3"),),
        patched("torchrun_content"),
    ),
    Defect(
        "ranks on GPUs asked for without a GPU",
        "ddp",
        (
            ("nccl_gradients", NO_DRIVER),
            ("nccl_single_rank", "rank 0 of 1 raised RuntimeError: Found no NVIDIA driver"),
            ("nccl_transport", NO_DRIVER),
            ("one_gpu_transport", NO_DRIVER),
            *_over("nccl", MODES, NO_DRIVER),
            *_over("one-gpu-gloo", MODES, NO_DRIVER),
            *_over("one-gpu-nccl", MODES, NO_DRIVER),
            ("challenge", NO_DRIVER),
        ),
        told(device="cuda", gpu_count=2),
    ),
)
