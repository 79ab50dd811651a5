"""Making and pushing of layers on all cores, each in its own process, with one live display.

A layer is compared with the layer lock before it is pushed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
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
from runner import process_memory, progress, settings, signals
from runner.child_variables import login_variables
from runner.errors import ConfigError, EnvironmentFailed

LAYERS, PUSH = "layers", "push"
REPORT_BYTES = 4 << 20

_amounts: Connection
"""The pipe to which a worker reports (meter, bytes).

Small writes to a pipe need no lock, which a killed process would keep.
"""


@dataclass(frozen=True)
class Recipe:
    """The facts that all layers of a run share: their recipe and their destination.

    `line` is the line's name. Layers are pushed to `repository` on the registry `host`; if that is
    empty, they are made only to get their digests.
    """

    line: str
    prefix: Prefix
    epoch: int
    work: Path
    host: str = ""
    repository: str = ""


@dataclass(frozen=True)
class LayerTask:
    """A layer to make: from wheels, from the zips with the bytecode of its wheels, or of files."""

    spec: LayerSpec
    zips: tuple[Path, ...]
    recipe: Recipe


def make_python(
    recipe: Recipe, specs: Sequence[LayerSpec], interpreter: Callable[[], str]
) -> dict[str, tuple[Blob, float]]:
    """Make Python layers on all cores; return each by content key, with its seconds.

    Bytecode is compiled in a container of the image that `interpreter` returns, while the other
    layers are made. The wheels must be in the wheelhouse. Raises ConfigError if a layer is not the
    locked one, and EnvironmentFailed if the engine, the registry or the disk fails.
    """
    copies = [spec for spec in specs if spec.kind != layers.BYTECODE]
    compiled = [spec for spec in specs if spec.kind == layers.BYTECODE]
    with LayerWorkers(recipe, sum(spec.wheel_bytes for spec in copies)) as workers:
        for spec in sorted(copies, key=lambda spec: -spec.wheel_bytes):
            workers.submit_layer(spec)
        if compiled:
            zips = bytecode.compile_in_container(
                compiled, recipe.prefix, interpreter(), recipe.work
            )
            for spec in compiled:
                workers.submit_layer(spec, zips[spec.key])
        return workers.wait_for_layers()


class LayerWorkers:
    """A pool of processes that make layers, and push them if the recipe names a registry."""

    def __init__(self, recipe: Recipe, total_bytes: int) -> None:
        self._recipe = recipe
        self._total = total_bytes
        self._context = multiprocessing.get_context("spawn")
        self._futures: dict[str, Future[tuple[Blob, float]]] = {}

    def __enter__(self) -> LayerWorkers:
        # no process imports a module of the folder that a person is in
        os.putenv("PYTHONSAFEPATH", "1")
        signals.start_resource_tracker()
        amounts, self._amounts = self._context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            os.cpu_count(),
            mp_context=self._context,
            initializer=_start_worker,
            initargs=(self._amounts, login_variables()),
        )
        titles = (LAYERS, PUSH) if self._recipe.host else (LAYERS,)
        self._display = threading.Thread(
            target=_show_meters, args=(amounts, dict.fromkeys(titles, self._total))
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
        if not sys.flags.safe_path:
            os.unsetenv("PYTHONSAFEPATH")

    def submit_layer(self, spec: LayerSpec, zips: Sequence[Path] = ()) -> None:
        """Start to make a layer."""
        with _explain_broken_pool():
            self._futures[spec.key] = self._pool.submit(
                make_layer, LayerTask(spec, tuple(zips), self._recipe)
            )

    def wait_for_layers(self) -> dict[str, tuple[Blob, float]]:
        """Wait for all layers; return each by content key, with its seconds.

        Raises the first error.
        """
        with _explain_broken_pool():
            return {key: future.result() for key, future in self._futures.items()}


@contextlib.contextmanager
def _explain_broken_pool() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool:
        hint = "free memory, then run the same command again"
        raise EnvironmentFailed("a process making layers was killed", hint) from None


def make_layer(task: LayerTask) -> tuple[Blob, float]:
    """Make one layer and push it, in a worker process; return it with its seconds.

    Raises ConfigError, and pushes nothing, if it is not the locked one.
    """
    started, recipe = time.monotonic(), task.recipe
    target = recipe.work / f"{task.spec.key}.tar.gz" if recipe.host else Path(os.devnull)
    try:
        blob = _compile_layer(task, target)
        _check_digest(task.spec, blob, recipe.line)
        if recipe.host:
            registry = Registry(recipe.host)
            registry.push_file(
                recipe.repository, target, blob.digest, lambda count: _amounts.send((PUSH, count))
            )
    finally:
        if recipe.host:
            target.unlink(missing_ok=True)
    return blob, round(time.monotonic() - started, 2)


def _check_digest(spec: LayerSpec, made: Blob, line: str) -> None:
    if spec.locked is None or spec.locked == made:
        return
    cause = (
        "the Python of today's Debian compiles to other bytecode"
        if spec.kind == layers.BYTECODE
        else "this checkout makes other bytes from the same wheels than the checkout that locked it"
    )
    problem = f"layer `{spec.name}` has digest {made.digest}, but {spec.locked.digest} is locked"
    raise ConfigError(f"{problem}: {cause}", layer_lock.relock_hint(line))


def _compile_layer(task: LayerTask, target: Path) -> Blob:
    recipe = task.recipe
    try:
        with target.open("wb") as file, contextlib.closing(_CountingFile(file)) as counted:
            if task.spec.kind == layers.BYTECODE:
                return layers.compile_bytecode(task.zips, recipe.epoch, counted)
            if task.spec.kind == layers.FILES:
                return layers.compile_files(task.spec.files, recipe.epoch, counted)
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


class _CountingFile:
    """A file that reports how many bytes were written to it, in steps of REPORT_BYTES."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._unreported = 0

    def write(self, data: bytes) -> int:
        self._unreported += len(data)
        if self._unreported >= REPORT_BYTES:
            self._report_bytes()
        return self._file.write(data)

    def close(self) -> None:
        self._report_bytes()

    def _report_bytes(self) -> None:
        _amounts.send((LAYERS, self._unreported))
        self._unreported = 0


def _start_worker(amounts: Connection, logins: Mapping[str, str]) -> None:
    """Prepare a worker process, which needs the `logins` to push.

    Its parent handles Ctrl-C and a hang-up. If the parent is killed, the worker ends too.
    """
    global _amounts  # noqa: PLW0603 - a process pool hands its workers state only so
    _amounts = amounts
    process_memory.forbid_dumps()
    settings.hold_secrets(logins)
    progress.show_library_output()
    for each in (signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _show_meters(amounts: Connection, totals: Mapping[str, int]) -> None:
    """Show the reported amounts, until every process that could report has ended."""
    with progress.show_meters(totals) as meters, contextlib.suppress(EOFError):
        while True:
            meter, count = amounts.recv()
            meters[meter].advance_by(count)
