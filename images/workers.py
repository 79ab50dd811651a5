"""Layers made and pushed on all cores, each in a process of its own, with one live display of all
of them.

What is made is compared with the lock of layers before it is pushed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import BinaryIO

from images import bytecode, layer_lock, layers
from images.layers import LayerSpec
from images.wheels import Prefix
from oci.registry import Registry
from oci.tarball import Blob
from runner import progress, signals
from runner.errors import ConfigError, EnvironmentFailed

LAYERS, PUSH = "layers", "push"
REPORT_BYTES = 4 << 20

_amounts: Connection
"""Where a worker reports (meter, bytes).

A pipe, because small writes to one need no lock that a killed process could take with it.
"""


@dataclass(frozen=True)
class Recipe:
    """What all layers of a run have in common: how they are made, and where they go.

    `line` is the line's name. They are pushed to `repository` on the registry `host`; if that is
    empty, they are made only to learn their digests.
    """

    line: str
    prefix: Prefix
    epoch: int
    work: Path
    host: str = ""
    repository: str = ""


@dataclass(frozen=True)
class Task:
    """One layer to make: from wheels, or from the zips of bytecode of its wheels."""

    spec: LayerSpec
    zips: tuple[Path, ...]
    recipe: Recipe


def make_python(
    recipe: Recipe, specs: Sequence[LayerSpec], interpreter: Callable[[], str]
) -> dict[str, tuple[Blob, float]]:
    """Make Python layers on all cores; returns each by content key, with its seconds.

    Bytecode is compiled in a container of the image that `interpreter` returns, while the other
    layers are made. The wheels must be here. Raises ConfigError if a layer is not what is locked,
    and EnvironmentFailed.
    """
    copies = [spec for spec in specs if spec.kind in (layers.WHEEL, layers.POOL)]
    compiled = [spec for spec in specs if spec.kind == layers.BYTECODE]
    with Workers(recipe, sum(spec.wheel_bytes for spec in copies)) as workers:
        for spec in sorted(copies, key=lambda spec: -spec.wheel_bytes):
            workers.submit(spec)
        if compiled:
            zips = bytecode.compile_in_container(
                compiled, recipe.prefix, interpreter(), recipe.work
            )
            for spec in compiled:
                workers.submit(spec, zips[spec.key])
        return workers.results()


class Workers:
    """A pool of processes that make layers, and push them if the recipe says where to."""

    def __init__(self, recipe: Recipe, total_bytes: int) -> None:
        self._recipe = recipe
        self._total = total_bytes
        self._context = multiprocessing.get_context("spawn")
        self._futures: dict[str, Future[tuple[Blob, float]]] = {}

    def __enter__(self) -> Workers:
        signals.start_resource_tracker()
        amounts, self._amounts = self._context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            os.cpu_count(), mp_context=self._context, initializer=_start, initargs=(self._amounts,)
        )
        titles = (LAYERS, PUSH) if self._recipe.host else (LAYERS,)
        self._display = threading.Thread(
            target=_show, args=(amounts, dict.fromkeys(titles, self._total))
        )
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
            self._futures[spec.key] = self._pool.submit(make, Task(spec, tuple(zips), self._recipe))

    def results(self) -> dict[str, tuple[Blob, float]]:
        """Every layer by content key with its seconds, when all are made.

        Raises the first error.
        """
        with _broken_pool_explained():
            return {key: future.result() for key, future in self._futures.items()}


@contextlib.contextmanager
def _broken_pool_explained() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool:
        hint = "free memory, then run the same command again"
        raise EnvironmentFailed("a process making layers was killed", hint) from None


def make(task: Task) -> tuple[Blob, float]:
    """Make one layer and push it. Runs in a worker process.

    Raises ConfigError, and pushes nothing, if it is not the locked one.
    """
    started, recipe = time.monotonic(), task.recipe
    target = recipe.work / f"{task.spec.key}.tar.gz" if recipe.host else Path(os.devnull)
    try:
        blob = _compile(task, target)
        _check(task.spec, blob, recipe.line)
        if recipe.host:
            registry = Registry(recipe.host)
            registry.push_file(
                recipe.repository, target, blob.digest, lambda count: _amounts.send((PUSH, count))
            )
    finally:
        if recipe.host:
            target.unlink(missing_ok=True)
    return blob, round(time.monotonic() - started, 2)


def _check(spec: LayerSpec, made: Blob, line: str) -> None:
    if spec.locked is None or spec.locked == made:
        return
    cause = (
        "the Python of today's Debian compiles to other bytecode"
        if spec.kind == layers.BYTECODE
        else ("this checkout makes other bytes of the same wheels than the one that locked it")
    )
    what = (
        f"layer `{spec.name}` is locked as {spec.locked.digest}, and what was made is {made.digest}"
    )
    raise ConfigError(f"{what}: {cause}", layer_lock.relock_hint(line))


def _compile(task: Task, target: Path) -> Blob:
    recipe = task.recipe
    try:
        with target.open("wb") as file, contextlib.closing(_Counted(file)) as counted:
            if task.spec.kind == layers.BYTECODE:
                return layers.compile_bytecode(task.zips, recipe.epoch, counted)
            return layers.compile_wheels(task.spec.wheels, recipe.prefix, recipe.epoch, counted)
    except OSError as error:
        home = recipe.work.parent
        hint = (
            f"free space under {home} or move PYTORCH_CUDA_IMAGES_HOME, then run the same "
            "command again"
        )
        raise EnvironmentFailed(
            f"cannot write layer `{task.spec.name}`: {error.strerror}", hint
        ) from None


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
    """In each worker: the parent handles Ctrl-C and a hang-up, and one that was killed takes its
    workers with it.
    """
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


def _show(amounts: Connection, totals: Mapping[str, int]) -> None:
    """Until every process that could report has ended."""
    with progress.meters(totals) as meters, contextlib.suppress(EOFError):
        while True:
            meter, count = amounts.recv()
            meters[meter].advance(count)
