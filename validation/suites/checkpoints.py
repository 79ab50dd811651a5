"""A training whose whole state can be saved, and checkpoints of other machines and accidents."""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

from .one_thread import one_thread


class ResumableTraining:
    """A network with dropout and batch norm, AdamW and a falling learning rate.

    Its next step depends on every part of the state that it keeps.
    """

    def __init__(self, device: str, seed: int) -> None:
        torch.manual_seed(seed)
        layers = (
            torch.nn.Linear(12, 24),
            torch.nn.BatchNorm1d(24),
            torch.nn.Dropout(0.2),
            torch.nn.Linear(24, 3),
        )
        self._model = torch.nn.Sequential(*layers).to(device)
        self._optimizer = torch.optim.AdamW(self._model.parameters(), lr=0.01)
        self._rate = torch.optim.lr_scheduler.StepLR(self._optimizer, step_size=2, gamma=0.5)
        self._device = device
        self._steps = 0

    @one_thread()
    def run_steps(self, steps: int) -> None:
        """Train for `steps` steps, each on data that depends on its number."""
        for number in range(self._steps, self._steps + steps):
            generator = torch.Generator().manual_seed(number)
            inputs, targets = (
                torch.randn(16, 12, generator=generator),
                torch.randint(3, (16,), generator=generator),
            )
            outputs = self._model(inputs.to(self._device))
            self._optimizer.zero_grad()
            torch.nn.functional.cross_entropy(outputs, targets.to(self._device)).backward()
            self._optimizer.step()
            self._rate.step()
        self._steps += steps

    def capture_state(self) -> dict[str, Any]:
        """Return everything that the next step depends on."""
        return {
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "rate": self._rate.state_dict(),
            "random": get_random_state(self._device),
            "steps": self._steps,
        }

    def restore_state(self, state: dict[str, Any]) -> None:
        """Continue from `state`."""
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._rate.load_state_dict(state["rate"])
        set_random_state(state["random"])
        self._steps = state["steps"]


def get_random_state(device: str) -> list[Any]:
    """Return the state of torch's generators: the CPU's, and the GPU's if `device` is `cuda`."""
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if device == "cuda" else [])]


def set_random_state(state: list[Any]) -> None:
    """Set the generators to a state that was returned for the same device.

    The parts may be on any device: they are copied to the CPU first.
    """
    torch.set_rng_state(state[0].cpu())
    for of_gpu in state[1:]:
        torch.cuda.set_rng_state(of_gpu.cpu())


def find_differences(left: Any, right: Any, where: str = "") -> Iterator[str]:
    """Yield the places where two nested states differ, be it in one bit.

    A place is written as `optimizer.state.0.exp_avg`.
    """
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        for key in left:
            yield from find_differences(
                left[key], right[key], f"{where}.{key}" if where else str(key)
            )
    elif (
        isinstance(left, (list, tuple))
        and isinstance(right, (list, tuple))
        and len(left) == len(right)
    ):
        for index, pair in enumerate(zip(left, right, strict=True)):
            yield from find_differences(*pair, f"{where}.{index}")
    elif torch.is_tensor(left) and torch.is_tensor(right):
        if not torch.equal(left.cpu(), right.cpu()):
            yield where
    elif left != right:
        yield where


def save_as_from_gpu(state: dict[str, Any], path: Path) -> None:
    """Save a file that names `cuda:0` as the place of its tensors, with or without a GPU."""
    with mock.patch.object(torch.serialization, "location_tag", lambda _: "cuda:0"):
        torch.save(state, path)


class HostilePickle:
    """An object whose unpickling runs a program: here one that makes the folder `trace`."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._trace),)


def find_run_programs(folder: Path) -> Iterator[str]:
    """Yield each reader that runs the program of a file, though nobody allowed it."""
    trace, old = folder / "trace", {"_use_new_zipfile_serialization": False}
    hostile = {"name": "hostile", "weights": HostilePickle(trace)}
    arrays = np.array([hostile])
    writers: dict[str, Callable[[Path], object]] = {
        "a checkpoint": lambda path: torch.save(hostile, path),
        "a checkpoint of an old torch": lambda path: torch.save(hostile, path, **old),
        "a pickle": lambda path: path.write_bytes(pickle.dumps(hostile)),
        "an array": lambda path: np.save(path.open("wb"), arrays),
        "arrays": lambda path: np.savez(path.open("wb"), arrays),
    }
    readers: dict[str, Callable[[Path], object]] = {
        "torch.load()": torch.load,
        "torch.load(weights_only=True)": partial(torch.load, weights_only=True),
        "torch.load(mmap=True)": partial(torch.load, mmap=True),
        "torch.load(map_location='cpu')": partial(torch.load, map_location="cpu"),
        "numpy.load()": lambda path: [*getattr(np.load(path), "values", list)()],
    }
    for (what, write), (name, read) in itertools.product(writers.items(), readers.items()):
        write(folder / "hostile")
        with contextlib.suppress(Exception):  # a refusal, or a file of another kind
            read(folder / "hostile")
        if trace.exists():
            trace.rmdir()
            yield f"{name} ran the program in {what}"
