"""Data sets whose every element is known, and some that fail on purpose."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import torch
import torch.utils.data

from ..contract import questions

VALUES = 1 << 20
SAMPLE_BYTES = VALUES * 8

SLOW_START_S = 0.05
STALL_S = 6.0
_UNTIL_WAITED_FOR_S = 0.3
EXIT_CODE = 7


class CountedSamples:
    """Sample `i` is the 2**20 int64 numbers from `i * 2**20`.

    That is 8 MiB, and no two samples share a value.
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return self._samples

    def __getitem__(self, index: int) -> Any:
        return torch.arange(index * VALUES, (index + 1) * VALUES)


class ReaderSamples:
    """Sample `i` is `i`, its 16 values, and the id and kind of the process that read it.

    The first sample is read slowly, so that a loader that does not keep the order is seen.
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return self._samples

    def __getitem__(self, index: int) -> tuple[int, Any, int, str]:
        time.sleep(0 if index else SLOW_START_S)
        return (
            index,
            values_of(index),
            os.getpid(),
            type(multiprocessing.current_process()).__name__,
        )


def values_of(index: int) -> Any:
    """Return the 16 values of sample `index` of ReaderSamples."""
    return torch.arange(16) * 1000 + index


class BegunSamples(ReaderSamples):
    """Samples of which the process of the loader sees which ones workers have begun to read."""

    def __init__(self, samples: int) -> None:
        super().__init__(samples)
        self._begun = torch.zeros(samples, dtype=torch.bool).share_memory_()

    def __getitem__(self, index: int) -> tuple[int, Any, int, str]:
        self._begun[index] = True
        return super().__getitem__(index)

    def wait_for(self, count: int, seconds: float) -> int:
        """Return how many were begun, after `count` or more were, or the time is over."""
        ends = time.monotonic() + seconds
        while int(self._begun.sum()) < count and time.monotonic() < ends:
            time.sleep(SLOW_START_S)
        time.sleep(4 * SLOW_START_S)  # one more would have been begun by now
        return int(self._begun.sum())


class ChallengeSamples:
    """Sample `i` is `i` and its values, which follow from the nonce."""

    def __init__(self, nonce: str) -> None:
        self._nonce = nonce

    def __len__(self) -> int:
        return questions.SAMPLES

    def __getitem__(self, index: int) -> tuple[int, Any]:
        return index, torch.tensor(questions.draw_sample(self._nonce, index))


class ShardedStream(torch.utils.data.IterableDataset):  # type: ignore[misc, unused-ignore] # torch is not in the harness' own environment
    """A stream of (number, process id) of every number under `samples`.

    The workers divide it among them.
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples

    def __iter__(self) -> Iterator[tuple[int, int]]:
        worker = torch.utils.data.get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        yield from ((number, os.getpid()) for number in range(first, self._samples, step))


class RandomDraws:
    """Sample `i` is what each library draws at random in the process that reads it."""

    LIBRARIES = ("torch", "random", "numpy")

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> tuple[int, int, int]:
        large = 1 << 30
        return (
            int(torch.randint(large, ())),
            random.randrange(large),
            int(numpy.random.randint(large)),
        )


class FailingSamples:
    """Sample `i` is the number `i`, but the worker that reads the first sample `fails`.

    It `raises`, `exits`, is `killed`, or `stalls` for STALL_S or until the file `let_go` exists. It
    fails on the first sample only, and when the loader waits for it: torch reports a lost worker in
    other words while it still fetches a batch of that worker.
    """

    MESSAGE = "planted in sample 0"

    def __init__(self, fails: str, let_go: Path, samples: int = 4) -> None:
        self._fails, self.let_go, self._samples = fails, let_go, samples

    def __len__(self) -> int:
        return self._samples

    def __getitem__(self, index: int) -> Any:
        if index == 0:
            time.sleep(_UNTIL_WAITED_FOR_S)
            getattr(self, f"_worker_{self._fails}")()
        return torch.tensor(index)

    def _worker_raises(self) -> None:
        raise ValueError(self.MESSAGE)

    def _worker_exits(self) -> None:
        os._exit(EXIT_CODE)

    def _worker_killed(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def _worker_stalls(self) -> None:
        deadline = time.monotonic() + STALL_S
        while not self.let_go.exists() and time.monotonic() < deadline:
            time.sleep(0.05)


def run_failing_loader(samples: FailingSamples, workers: int, timeout: float) -> str:
    """Return type, first and last line of the error that ends a loader; empty if there is none.

    Torch raises it from a frame that keeps it alive, and with it the workers, until a garbage
    collection waits 5 s for each. Without its traceback they end at once.
    """
    loader = torch.utils.data.DataLoader(
        samples, batch_size=1, num_workers=workers, timeout=timeout, multiprocessing_context="fork"
    )
    try:
        list(loader)
    except (ValueError, RuntimeError) as error:
        samples.let_go.touch()
        lines = str(error.with_traceback(None)).strip().splitlines()
        return f"{type(error).__name__}: {' ... '.join(dict.fromkeys((lines[0], lines[-1])))}"
    return ""
