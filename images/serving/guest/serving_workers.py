"""The folder of models, which may change at any time, and the threads that run models."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from serving_models import (
    NAME,
    PLATFORMS,
    LoadedModel,
    Outputs,
    UnusableModel,
    last_line,
    load_model,
)

POLL_S = 0.5
"""How often the folder is looked at. Volumes of networks and of other systems send no events."""

Identity = tuple[int, int, int]


class ModelFailed(Exception):
    """A model raised an error. `status` is that of HTTP, the text is one line for the sender."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class ModelFolder:
    """The models of a folder. `unusable` says, by name, why an archive is not served.

    A version that was replaced stays with the requests that have it, and so none of them is lost.
    """

    def __init__(self, folder: Path, devices: Sequence[torch.device]) -> None:
        self.models: dict[str, LoadedModel] = {}
        self.unusable: dict[str, str] = {}
        self.is_read = False
        self._folder = folder
        self._devices = devices
        self._known: dict[Path, Identity] = {}

    async def watch(self) -> None:
        """Load what comes and changes, and drop what goes, until the task is cancelled."""
        with ThreadPoolExecutor(1, "load") as pool:
            loop = asyncio.get_running_loop()
            while True:
                found = await loop.run_in_executor(pool, self._list_archives)
                for path in self._known.keys() - found.keys():
                    del self._known[path]
                    self.unusable.pop(path.stem, None)
                    if self.models.pop(path.stem, None):
                        say_line(f"model {path.stem} is no longer served: its archive was removed")
                for path in sorted(path for path in found if found[path] != self._known.get(path)):
                    self._known[path] = found[path]
                    await loop.run_in_executor(pool, self._load, path)
                self.is_read = True
                await asyncio.sleep(POLL_S)

    def _list_archives(self) -> dict[Path, Identity]:
        """Return the archives, each with what changes if it is replaced; one for each name."""
        found: dict[str, tuple[Path, Identity]] = {}
        try:
            for path in sorted(self._folder.iterdir()):
                if path.suffix in PLATFORMS and NAME.fullmatch(path.stem) and path.is_file():
                    facts = path.stat()
                    identity = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
                    found.setdefault(path.stem, (path, identity))
        except OSError as error:  # a volume that is away, or a file that was removed meanwhile
            say_line(f"{self._folder} cannot be read: {error}")
            return dict(self._known)
        return dict(found.values())

    def _load(self, path: Path) -> None:
        name = path.stem
        try:
            model = load_model(path, self._devices)
        except UnusableModel as error:
            kept = f"; version {self.models[name].version} stays" if name in self.models else ""
            self.unusable[name] = str(error)
            say_line(f"{path.name} is not served: {error}{kept}")
            return
        self.unusable.pop(name, None)
        self.models[name] = model
        say_line(f"model {name} is served, version {model.version}")


@dataclass(frozen=True)
class Job:
    """A request for a model, and the future of its outputs."""

    model: LoadedModel
    inputs: tuple[torch.Tensor, ...]
    outputs: asyncio.Future[Outputs]

    @property
    def rows(self) -> int:
        """The first dimension that all inputs share; 0 if they share none."""
        sizes = {tensor.shape[0] if tensor.dim() else 0 for tensor in self.inputs}
        return sizes.pop() if len(sizes) == 1 else 0

    def fits_with(self, other: Job) -> bool:
        """Return whether the inputs can be joined along their first dimension."""
        pairs = zip(self.inputs, other.inputs, strict=True)
        return self.model is other.model and all(
            first.dtype == second.dtype and first.shape[1:] == second.shape[1:]
            for first, second in pairs
        )


class ModelWorkers:
    """One thread for each device. It runs one request at a time, or one batch of them.

    A batch has what was waiting already: a request never waits for others to come.
    """

    def __init__(self, devices: Sequence[torch.device], max_rows: int) -> None:
        self._devices = devices
        self._max_rows = max_rows
        self._waiting: asyncio.Queue[Job] = asyncio.Queue()

    def start(self) -> list[asyncio.Task[None]]:
        """Start the threads; each ends with its task."""
        return [asyncio.create_task(self._work_on(device)) for device in self._devices]

    async def run_model(self, model: LoadedModel, inputs: tuple[torch.Tensor, ...]) -> Outputs:
        """Return the outputs, from whichever device is free first. Raises ModelFailed."""
        job = Job(model, inputs, asyncio.get_running_loop().create_future())
        await self._waiting.put(job)
        return await job.outputs

    async def _work_on(self, device: torch.device) -> None:
        loop, held = asyncio.get_running_loop(), None
        with ThreadPoolExecutor(1, f"model-{device}") as pool:
            while True:
                batch = [held or await self._waiting.get()]
                held = self._fill_batch(batch)
                results = await loop.run_in_executor(pool, run_batch, batch, device)
                for job, result in zip(batch, results, strict=True):
                    if job.outputs.cancelled():  # its client has gone
                        continue
                    if isinstance(result, ModelFailed):
                        job.outputs.set_exception(result)
                    else:
                        job.outputs.set_result(result)

    def _fill_batch(self, batch: list[Job]) -> Job | None:
        """Add waiting jobs that fit to a batch; return the first one that does not."""
        rows = batch[0].rows
        while rows and rows < self._max_rows and not self._waiting.empty():
            job = self._waiting.get_nowait()
            if not job.rows or rows + job.rows > self._max_rows or not job.fits_with(batch[0]):
                return job
            batch.append(job)
            rows += job.rows
        return None


def run_batch(batch: Sequence[Job], device: torch.device) -> list[Outputs | ModelFailed]:
    """Return the outputs of each job, or its failure.

    A batch that fails, or whose outputs have not a row for each row, is run job by job: a bad
    request fails alone, and a model that cannot work on batches is right nevertheless.
    """
    if len(batch) > 1:
        inputs = [torch.cat(each) for each in zip(*(job.inputs for job in batch), strict=True)]
        joined, sizes = _run_once(batch[0].model, inputs, device), [job.rows for job in batch]
        if not isinstance(joined, ModelFailed) and all(
            each.dim() and each.shape[0] == sum(sizes) for each in joined.values()
        ):
            parts = {name: each.split(sizes) for name, each in joined.items()}
            return [
                {name: part[place] for name, part in parts.items()} for place in range(len(batch))
            ]
    return [_run_once(job.model, job.inputs, device) for job in batch]


def _run_once(
    model: LoadedModel, inputs: Sequence[torch.Tensor], device: torch.device
) -> Outputs | ModelFailed:
    try:
        return model.run_on(device, inputs)
    except UnusableModel as error:
        return ModelFailed(500, str(error))
    except Exception as error:  # whatever a model raises
        say_line(f"model {model.name} failed: {last_line(error)}")
        if isinstance(error, torch.OutOfMemoryError | MemoryError):
            return ModelFailed(503, "the memory does not suffice for this request")
        require_device(device)
        shapes = ", ".join(f"{each.dtype} {list(each.shape)}" for each in inputs)
        return ModelFailed(422, f"model {model.name} failed with these inputs: {shapes}"[:500])


def require_device(device: torch.device) -> None:
    """End the server if a GPU answers no more: only a new process can use it again."""
    if device.type != "cuda":
        return
    try:
        torch.cuda.synchronize(device)
    except RuntimeError as error:
        say_line(f"{device} answers no more, and the server ends: {last_line(error)}")
        os._exit(1)


def say_line(text: str) -> None:
    """Print a line for the log."""
    print(f"serving: {text}", file=sys.stderr, flush=True)
