"""Data sets whose every element is known."""

from __future__ import annotations

from typing import Any

import torch

VALUES = 1 << 20
SAMPLE_BYTES = VALUES * 8


class Counting:
    """Sample `i` is the 2**20 int64 numbers from `i * 2**20`: 8 MiB, and no two samples share a value."""

    def __init__(self, samples: int) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return self._samples

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401 - torch is not in the harness' own environment
        return torch.arange(index * VALUES, (index + 1) * VALUES)


class Raising:
    """Sample `i` is the number `i`, but one raises in the worker that reads it."""

    def __init__(self, samples: int, bad: int, message: str) -> None:
        self._samples, self._bad, self._message = samples, bad, message

    def __len__(self) -> int:
        return self._samples

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401
        if index == self._bad:
            raise ValueError(self._message)
        return torch.tensor(index)
