"""Defects that the dataloader suite must catch."""

from __future__ import annotations

from runner.verdict import Verdict
from tests.defects.defect import Defect, patched, told, with_shm

IN_ORDER = (
    "order_and_content[0]",
    "order_and_content[2]",
    "order_and_content[4]",
    "start_method[fork]",
    "start_method[spawn]",
    "start_method[forkserver]",
    "persistent_workers",
)
"""Checks that read a whole data set in order."""

DEFECTS = (
    Defect(
        "a sample delivered twice",
        "dataloader",
        (
            ("batches_through_shared_memory", "batches [3] differ"),
            *((check, "samples 5 came more than once, 6 never") for check in IN_ORDER),
        ),
        patched("sample_repeated"),
    ),
    Defect(
        "workers that read in turn",
        "dataloader",
        (
            ("batches_through_shared_memory", "17 MB of batches in shared memory at once"),
            ("workers_read_ahead", "samples are read before a batch is taken"),
        ),
        patched("workers_in_turn"),
    ),
    Defect(
        "the last samples left out",
        "dataloader",
        (
            ("batches_through_shared_memory", "22 samples, expected 24"),
            *((check, "never came, expected samples 0 to") for check in IN_ORDER),
        ),
        patched("samples_dropped"),
    ),
    Defect(
        "a value changed on its way",
        "dataloader",
        (
            (
                "batches_through_shared_memory",
                "batches [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] differ",
            ),
            *((check, "hold other values, expected their own") for check in IN_ORDER),
            ("challenge", "the answer to `sums` has"),
        ),
        patched("batch_changed"),
    ),
    Defect(
        "batches handed over as they arrive",
        "dataloader",
        (("order_and_content[4]", "came where sample 0 belongs"),),
        patched("batches_out_of_order"),
    ),
    Defect(
        "workers that prefetch nothing",
        "dataloader",
        (
            (
                "batches_through_shared_memory",
                "workers do not prefetch, or not through shared memory",
            ),
        ),
        patched("no_shared_memory"),
    ),
    Defect(
        "workers that are always forked",
        "dataloader",
        (
            ("start_method[spawn]", "spawn was asked for and samples were read by ForkProcess"),
            (
                "start_method[forkserver]",
                "forkserver was asked for and samples were read by ForkProcess",
            ),
        ),
        patched("start_method_ignored"),
    ),
    Defect(
        "pinned memory without a GPU",
        "dataloader",
        (("pinned_memory", "12 of 12 batches are not in pinned memory"),),
        told(device="cuda", gpu_count=1),
    ),
    Defect(
        "persistent workers that are started again",
        "dataloader",
        (("persistent_workers", "0 workers of the first epoch were there in the second"),),
        patched("workers_restarted"),
    ),
    Defect(
        "workers that are not told who they are",
        "dataloader",
        (("iterable_shards", "came more than once, none never"),),
        patched("worker_info_missing"),
    ),
    Defect(
        "shuffling that repeats samples",
        "dataloader",
        (("seeded_shuffle", "the random sampler draws no permutation"),),
        patched("shuffle_repeats"),
    ),
    Defect(
        "a generator that is ignored",
        "dataloader",
        (
            ("seeded_shuffle", "two orders of one seed differ in"),
            ("worker_seeds", "workers do not draw from the seed given"),
        ),
        patched("sampler_seed_ignored"),
    ),
    Defect(
        "workers that share a seed",
        "dataloader",
        (("worker_seeds", "workers share one seed of torch: augmentations repeat"),),
        patched("workers_share_seed"),
    ),
    Defect(
        "a worker's exception swallowed",
        "dataloader",
        (("worker_exception_surfaces", "the training loop saw no error of a worker's ValueError"),),
        patched("worker_error_swallowed"),
    ),
    Defect(
        "a worker's crash swallowed",
        "dataloader",
        (
            (
                "worker_crash_surfaces[exits]",
                "the training loop saw no error of a worker that was gone",
            ),
            (
                "worker_crash_surfaces[killed]",
                "the training loop saw no error of a worker that was gone",
            ),
        ),
        patched("worker_crash_swallowed"),
    ),
    Defect(
        "a worker's crash that hangs",
        "dataloader",
        (
            (
                "worker_crash_surfaces[exits]",
                "the training loop did not end within 10 s, in try_get_data (sitecustomize.py",
            ),
            (
                "worker_crash_surfaces[killed]",
                "the training loop did not end within 10 s, in try_get_data (sitecustomize.py",
            ),
        ),
        patched("worker_crash_hangs"),
    ),
    Defect(
        "a worker timeout that is ignored",
        "dataloader",
        (("worker_timeout", "the training loop saw no error of a worker that stalled"),),
        patched("worker_timeout_ignored"),
    ),
    Defect(
        "shared memory of 16 MB",
        "dataloader",
        (
            (
                "batches_through_shared_memory",
                "shm is too small: 17 MB free of 17 MB, 168 MB needed",
            ),
        ),
        with_shm(16 << 20),
        Verdict.INFRA,
        representative=True,
    ),
    Defect(
        "epochs that keep their queues",
        "dataloader",
        (("epochs_leave_nothing", "open files"),),
        patched("queues_kept"),
    ),
)
