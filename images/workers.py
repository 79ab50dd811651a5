"""Layers made and pushed on all cores, each in a process of its own, with one live display of all of them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import BinaryIO

from images import layer_cache, layers
from images.layer_cache import MadeLayer
from images.layers import LayerSpec
from images.wheels import Prefix
from oci.registry import Registry
from oci.tarball import Blob
from runner import progress, signals
from runner.errors import EnvironmentFailed

LAYERS, PUSH = "layers", "push"
REPORT_BYTES = 4 << 20

_amounts: Connection
"""Where a worker reports (meter, bytes). A pipe, because small writes to one need no lock that a killed process could
take with it."""


@dataclass(frozen=True)
class Task:
    """One layer to make: from wheels, or from the zips of bytecode of its wheels."""

    spec: LayerSpec
    zips: tuple[Path, ...]
    prefix: Prefix
    epoch: int
    host: str
    repository: str
    work: Path


class Workers:
    """A pool of processes that make layers and push them to the cache repository."""

    def __init__(  # noqa: PLR0913, PLR0917 - the fixed part of every task
        self, host: str, repository: str, prefix: Prefix, epoch: int, work: Path, total_bytes: int
    ) -> None:
        self._fixed = (prefix, epoch, host, repository, work)
        self._total = total_bytes
        self._context = multiprocessing.get_context("spawn")
        self._futures: dict[str, Future[tuple[MadeLayer, float]]] = {}

    def __enter__(self) -> Workers:
        signals.start_resource_tracker()
        amounts, self._amounts = self._context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            os.cpu_count(), mp_context=self._context, initializer=_start, initargs=(self._amounts,)
        )
        self._display = threading.Thread(target=_show, args=(amounts, self._total))
        self._display.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for process in multiprocessing.active_children():
                process.terminate()
        self._pool.shutdown(cancel_futures=True)
        self._amounts.close()
        self._display.join()

    def submit(self, spec: LayerSpec, zips: Sequence[Path] = ()) -> None:
        """Have a layer made."""
        with _broken_pool_explained():
            self._futures[spec.key] = self._pool.submit(make, Task(spec, tuple(zips), *self._fixed))

    def results(self) -> dict[str, tuple[MadeLayer, float]]:
        """Every layer by content key with its seconds, when all are made. Raises the first error."""
        with _broken_pool_explained():
            return {key: future.result() for key, future in self._futures.items()}


@contextlib.contextmanager
def _broken_pool_explained() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool:
        hint = "free memory, then run the same command again"
        raise EnvironmentFailed("a process making layers was killed", hint) from None


def make(task: Task) -> tuple[MadeLayer, float]:
    """Make one layer, push it, and make it findable by its key. Runs in a worker process."""
    started = time.monotonic()
    target = task.work / f"{task.spec.key}.tar.gz"
    try:
        blob = _compile(task, target)
        registry = Registry(task.host)
        registry.push_file(task.repository, target, blob.digest, lambda count: _amounts.send((PUSH, count)))
    finally:
        target.unlink(missing_ok=True)
    layer = MadeLayer(blob.digest, blob.diff_id, blob.size)
    layer_cache.keep(registry, task.repository, task.spec.key, layer)
    return layer, round(time.monotonic() - started, 2)


def _compile(task: Task, target: Path) -> Blob:
    try:
        with target.open("wb") as file, contextlib.closing(_Counted(file)) as counted:
            if task.spec.kind == layers.BYTECODE:
                return layers.compile_bytecode(task.zips, task.epoch, counted)
            return layers.compile_wheels(task.spec.wheels, task.prefix, task.epoch, counted)
    except OSError as error:
        hint = f"free space under {task.work.parent} or move PYTORCH_CUDA_IMAGES_HOME, then run the same command again"
        raise EnvironmentFailed(f"cannot write layer `{task.spec.name}`: {error.strerror}", hint) from None


class _Counted:
    """A file that reports how much was written to it, in pieces that do not flood the queue."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._unreported = 0

    def write(self, data: bytes) -> int:
        self._unreported += len(data)
        if self._unreported >= REPORT_BYTES:
            self._report()
        return self._file.write(data)

    def close(self) -> None:
        self._report()

    def _report(self) -> None:
        _amounts.send((LAYERS, self._unreported))
        self._unreported = 0


def _start(amounts: Connection) -> None:
    """In each worker: the parent handles Ctrl-C and a hang-up, and one that was killed takes its workers with it."""
    global _amounts  # noqa: PLW0603 - a process pool hands its workers state only so
    _amounts = amounts
    for each in (signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _show(amounts: Connection, total: int) -> None:
    """Until every process that could report has ended."""
    with progress.meters({LAYERS: total, PUSH: total}) as meters, contextlib.suppress(EOFError):
        while True:
            meter, count = amounts.recv()
            meters[meter].advance(count)
