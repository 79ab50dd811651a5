"""Workers deliver every sample once, in order, unharmed, through shared memory that is in use.

If a worker fails, the training loop gets an error in time.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from .. import processes
from ..conftest import Answers, Figures
from ..contract import questions
from ..contract.expected import Expected
from ..declared import needs_gpus, reports
from ..gpus import require_gpus
from ..outcome import require
from . import delivery, leftovers, shared_memory
from .samples import (
    SAMPLE_BYTES,
    VALUES,
    BegunSamples,
    ChallengeSamples,
    CountedSamples,
    FailingSamples,
    RandomDraws,
    ReaderSamples,
    ShardedStream,
    run_failing_loader,
    values_of,
)

WORKERS = 2
PREFETCH = 4
BATCH = 2
SAMPLES = 24
IN_FLIGHT = WORKERS * PREFETCH * BATCH * SAMPLE_BYTES
"""128 MiB wait in shared memory while no batch is taken: twice the default of an engine."""

START_METHODS = {
    "fork": ("ForkProcess", 2),
    "spawn": ("SpawnProcess", 1),
    "forkserver": ("ForkServerProcess", 2),
}
"""The class of a worker's process, and how many workers are started.

A worker that is spawned needs seconds to import torch.
"""

LIMIT_S = 10.0
"""How long a loader may take to report a worker that failed.

It looks every 5 s if nothing wakes it.
"""

WORKER_TIMEOUT_S = 1
EPOCHS = 5


@pytest.fixture(autouse=True)
def _server(capfd: pytest.CaptureFixture[str]) -> None:
    """Start the server so that its processes print to the container's log.

    Otherwise pytest would capture what they print.
    """
    with capfd.disabled():
        processes.start_server()


@reports("shm_in_flight", "MB")
def test_batches_through_shared_memory(figure: Figures) -> None:
    """Nothing is taken until more than 64 MB wait at once; then every batch is compared."""
    shared_memory.require_free(IN_FLIGHT + 2 * BATCH * SAMPLE_BYTES)
    before = shared_memory.used_bytes()
    batches = iter(
        DataLoader(
            CountedSamples(SAMPLES), batch_size=BATCH, num_workers=WORKERS, prefetch_factor=PREFETCH
        )
    )
    peak = shared_memory.wait_until_used(before, IN_FLIGHT, seconds=20)
    figure("shm_in_flight", peak / 1e6, "MB")
    found = f"{peak / 1e6:.0f} MB of batches in shared memory at once"
    require(
        peak > 64e6,
        found,
        f"{IN_FLIGHT / 1e6:.0f} MB",
        "workers do not prefetch, or not through shared memory",
    )
    wrong, seen = [], 0
    for number, batch in enumerate(batches):
        wanted = torch.arange(number * BATCH * VALUES, (number + 1) * BATCH * VALUES).reshape(
            BATCH, VALUES
        )
        wrong += [] if torch.equal(batch, wanted) else [number]
        seen += len(batch)
    cause = "batches were mixed up or changed on their way through shared memory"
    require(
        not wrong,
        f"batches {wrong} differ",
        f"{SAMPLES // BATCH} batches of consecutive numbers",
        cause,
    )
    require(
        seen == SAMPLES,
        f"{seen} samples",
        f"{SAMPLES}",
        "the loader ends early or drops what it has read",
    )


@pytest.mark.parametrize("workers", [0, 2, 4])
def test_order_and_content(workers: int) -> None:
    batches = [*DataLoader(ReaderSamples(SAMPLES), batch_size=BATCH, num_workers=workers)]
    _require_all(batches)
    pids = _reader_processes(batches)
    found = f"{len(pids)} processes read the samples"
    require(
        len(pids) == max(workers, 1), found, f"{max(workers, 1)}", "num_workers is not honoured"
    )


@pytest.mark.parametrize("method", START_METHODS)
def test_start_method(method: str) -> None:
    """Fork is the default; a program with CUDA in its workers must use spawn or forkserver."""
    process, workers = START_METHODS[method]
    batches = [
        *DataLoader(
            ReaderSamples(8), batch_size=BATCH, num_workers=workers, multiprocessing_context=method
        )
    ]
    kinds = sorted({kind for batch in batches for kind in batch[3]})
    found = f"{method} was asked for and samples were read by {', '.join(kinds)}"
    require(kinds == [process], found, process, "multiprocessing_context is not honoured")
    _require_all(batches, 8)


@needs_gpus(1)
def test_pinned_memory(expected: Expected) -> None:
    require_gpus(expected)
    batches = [
        *DataLoader(ReaderSamples(SAMPLES), batch_size=BATCH, num_workers=WORKERS, pin_memory=True)
    ]
    pageable = [number for number, batch in enumerate(batches) if not batch[1].is_pinned()]
    cause = "CUDA is not usable in this process, so that pin_memory=True only warns"
    require(
        not pageable,
        f"{len(pageable)} of {len(batches)} batches are not in pinned memory",
        "none",
        cause,
    )
    _require_all(
        [[batch[0], batch[1].to("cuda", non_blocking=True).cpu(), *batch[2:]] for batch in batches]
    )


def test_persistent_workers() -> None:
    """The second epoch is read by the processes of the first."""
    loader = DataLoader(
        ReaderSamples(SAMPLES), batch_size=BATCH, num_workers=WORKERS, persistent_workers=True
    )
    epochs = [[*loader], [*loader]]
    for batches in epochs:
        _require_all(batches)
    stayed = _reader_processes(epochs[0]) & _reader_processes(epochs[1])
    found = f"{len(stayed)} workers of the first epoch were there in the second"
    require(
        len(stayed) == WORKERS,
        found,
        f"{WORKERS}",
        "persistent_workers is ignored: each epoch starts them again",
    )


def test_workers_read_ahead() -> None:
    """Before a batch is taken, each worker reads as many as `prefetch_factor` says."""
    samples = BegunSamples(SAMPLES)
    loader = DataLoader(samples, BATCH, num_workers=WORKERS, prefetch_factor=PREFETCH - 1)
    batches, wanted = iter(loader), WORKERS * (PREFETCH - 1) * BATCH
    begun = samples.wait_for(wanted, LIMIT_S)
    require(
        begun == wanted,
        f"{begun} samples are read before a batch is taken",
        f"{wanted}: {PREFETCH - 1} batches of {BATCH} in each of {WORKERS} workers",
        "a prefetch_factor that is ignored: workers wait for one another",
    )
    _require_all([*batches])


def test_epochs_leave_nothing() -> None:
    """An epoch closes what it opens, and ends what it starts, so that a long run goes on."""
    loader = DataLoader(ReaderSamples(8), batch_size=BATCH, num_workers=WORKERS)
    counts = []
    for _ in range(EPOCHS):
        _require_all([*loader], 8)
        gc.collect()
        counts.append(leftovers.count_held())
    # the first epoch starts what stays
    more = {name: counts[-1][name] - counts[1][name] for name in counts[-1]}
    grown = {name: count for name, count in more.items() if count >= EPOCHS - 2}
    require(
        not grown,
        f"{EPOCHS - 2} epochs left {', '.join(f'{count} {name}' for name, count in grown.items())}",
        "nothing that grows from epoch to epoch",
        "queues, files or processes of a loader that are kept after its epoch",
    )


def test_iterable_shards() -> None:
    """Workers that divide a stream by get_worker_info deliver every element once."""
    batches = [*DataLoader(ShardedStream(SAMPLES), batch_size=BATCH, num_workers=WORKERS)]
    found, cause = delivery.find_problem(
        sorted(int(number) for batch in batches for number in batch[0]), SAMPLES
    )
    require(
        not found,
        found,
        f"each of {SAMPLES} once",
        f"get_worker_info tells workers wrongly, so that {cause}",
    )
    pids = {int(pid) for batch in batches for pid in batch[1]}
    require(
        len(pids) == WORKERS,
        f"{len(pids)} processes read the stream",
        f"{WORKERS}",
        "a worker was given nothing",
    )


def test_seeded_shuffle() -> None:
    """One seed always gives the same permutation, with and without workers.

    Another seed gives another one.
    """
    first, again, other = _shuffled_order(1, 0), _shuffled_order(1, WORKERS), _shuffled_order(2, 0)
    for order in (first, again, other):
        found, _ = delivery.find_problem(sorted(order), SAMPLES)
        require(
            not found, found, f"each of {SAMPLES} once", "the random sampler draws no permutation"
        )
    where = [at for at, pair in enumerate(zip(first, again, strict=True)) if pair[0] != pair[1]]
    require(
        not where,
        f"two orders of one seed differ in {len(where)} places",
        "one order",
        "the generator is ignored",
    )
    found = "seeds 1 and 2 gave one order, or that of the data set"
    require(
        first != other and first != sorted(first),
        found,
        "three orders",
        "shuffle or the generator is ignored",
    )


def test_worker_seeds() -> None:
    """Each worker draws numbers of its own in every library.

    The same seed gives the same numbers.
    """
    first, again = _draw_in_workers(1), _draw_in_workers(1)
    for library, one, two in zip(RandomDraws.LIBRARIES, *first, strict=True):
        cause = f"workers share one seed of {library}: augmentations repeat"
        require(one != two, f"both workers drew {one} from {library}", "different numbers", cause)
    require(
        first == again,
        f"one seed gave {first} and {again}",
        "the same",
        "workers do not draw from the seed given",
    )


@reports("told_after", "s")
def test_worker_exception_surfaces(tmp_path: Path, figure: Figures) -> None:
    """An error in a worker reaches the training loop with its message."""
    error = _error_of_training("raises", 0, tmp_path, figure)
    found = f"the training loop saw {error or 'no error'} of a worker's ValueError"
    require(
        FailingSamples.MESSAGE in error,
        found,
        FailingSamples.MESSAGE,
        "errors of workers are dropped, and training goes on",
    )


@reports("told_after", "s")
@pytest.mark.parametrize("fails", ["exits", "killed"])
def test_worker_crash_surfaces(fails: str, tmp_path: Path, figure: Figures) -> None:
    """A worker that is gone is an error in the training loop, not a hang."""
    error = _error_of_training(fails, 0, tmp_path, figure)
    found = f"the training loop saw {error or 'no error'} of a worker that was gone"
    require(
        "DataLoader worker" in error,
        found,
        "an error that names the worker",
        "the loader does not watch its workers",
    )


@reports("told_after", "s")
def test_worker_timeout(tmp_path: Path, figure: Figures) -> None:
    """A worker that stalls is an error after `timeout`."""
    error = _error_of_training("stalls", WORKER_TIMEOUT_S, tmp_path, figure)
    found = f"the training loop saw {error or 'no error'} of a worker that stalled"
    require(
        "timed out" in error, found, f"an error after {WORKER_TIMEOUT_S} s", "timeout is ignored"
    )


def test_challenge(nonce: str, answer: Answers) -> None:
    """Two workers deliver samples in an order that the host has drawn.

    The answer holds a weighted sum of each batch.
    """
    batches = DataLoader(
        ChallengeSamples(nonce),
        batch_size=questions.BATCH,
        sampler=questions.draw_order(nonce),
        num_workers=questions.WORKERS,
        multiprocessing_context="fork",
    )
    numbers, sums = [], []
    for delivered, rows in batches:
        numbers += delivered.tolist()
        places = torch.arange(1, rows.numel() + 1).reshape(rows.shape)
        sums.append(int((rows * places).sum()))
    answer("order", numbers)
    answer("sums", sums)


def _error_of_training(fails: str, timeout: float, folder: Path, figure: Figures) -> str:
    """Return the error that the loader raised, empty if there was none.

    It runs in a process of its own, because it may hang.
    """
    samples = FailingSamples(fails, folder / "let_go")
    (ended,) = processes.run_all(
        [partial(run_failing_loader, samples, WORKERS, timeout)], folder, LIMIT_S
    )
    figure("told_after", ended.seconds, "s")
    hung = f"the training loop did not end within {LIMIT_S:.0f} s, in {ended.stuck_in}"
    require(
        ended.exit_code is not None,
        hung,
        "an error",
        "the loader waits for a worker that will never answer",
    )
    died = f"the training loop ended with {ended.raised or ended.exit_code}"
    require(
        ended.returned,
        died,
        "an error of the loader",
        "the failure of a worker takes its training loop with it",
    )
    return str(ended.result)


def _require_all(batches: Sequence[Any], samples: int = SAMPLES) -> None:
    """Fail the check unless every sample came once, in order, with its values."""
    numbers = [int(number) for batch in batches for number in batch[0]]
    found, cause = delivery.find_problem(numbers, samples)
    require(not found, found, f"samples 0 to {samples - 1} in order", cause)
    rows = [row for batch in batches for row in batch[1]]
    wrong = [
        number
        for number, row in zip(numbers, rows, strict=True)
        if not torch.equal(row, values_of(number))
    ]
    require(
        not wrong,
        f"samples {wrong} hold other values",
        "their own",
        "batches were changed on their way",
    )


def _reader_processes(batches: Sequence[Any]) -> set[int]:
    return {int(pid) for batch in batches for pid in batch[2]}


def _shuffled_order(seed: int, workers: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    loader = DataLoader(
        ReaderSamples(SAMPLES),
        batch_size=BATCH,
        shuffle=True,
        generator=generator,
        num_workers=workers,
    )
    return [int(number) for batch in loader for number in batch[0]]


def _draw_in_workers(seed: int) -> list[list[int]]:
    """Return what each library drew in each worker.

    The first batch is worker 0's, the second worker 1's.
    """
    loader = DataLoader(
        RandomDraws(), num_workers=WORKERS, generator=torch.Generator().manual_seed(seed)
    )
    return [[int(number) for number in batch] for batch in loader]
