"""A program that uses torch as the first program of a new container does, and prints JSON.

path       where Python looks for modules
compiled   files that were compiled, because no bytecode of them was there
hub        where torch keeps what it downloads
threads    how many threads torch means to use
added      how many threads a matrix product started
workers    of each worker of a DataLoader, the same two numbers
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "torch.hub", "torch.utils.data", "torchvision")
OF_SOME_LINES = ("torchaudio",)
WORKERS = 2
SIZE = 512
"""A product of this size is shared among all threads."""

COMPILED: list[str] = []


def note_compiled_file(event: str, arguments: tuple[Any, ...]) -> None:
    """Keep the names of compiled files: an audit hook (PEP 578).

    The event `compile` has the source and the file name.
    """
    if event == "compile":
        COMPILED.append(str(arguments[1]))


def count_threads_at_work() -> tuple[int, int]:
    """Return the threads that torch means to use, and how many a matrix product adds."""
    import torch

    before = count_threads()
    values = torch.rand(SIZE, SIZE)
    values @ values
    return torch.get_num_threads(), count_threads() - before


def count_threads() -> int:
    """Return the number of threads of this process."""
    return len([*Path("/proc/self/task").iterdir()])


class ThreadSamples:
    """A data set with a sample for each worker: the numbers of threads it found."""

    def __len__(self) -> int:
        return WORKERS

    def __getitem__(self, index: int) -> tuple[int, int]:
        return count_threads_at_work()


if __name__ == "__main__":
    sys.addaudithook(note_compiled_file)
    path = [*sys.path]
    torch, *_ = map(import_module, PACKAGES)
    for name in filter(find_spec, OF_SOME_LINES):
        import_module(name)
    threads, added = count_threads_at_work()
    workers = [*torch.utils.data.DataLoader(ThreadSamples(), batch_size=None, num_workers=WORKERS)]
    seen = {
        "path": path,
        "compiled": COMPILED,
        "hub": torch.hub.get_dir(),
        "threads": threads,
        "added": added,
    }
    print(json.dumps({**seen, "workers": workers}))
