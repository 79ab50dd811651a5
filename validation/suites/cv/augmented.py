"""Pictures of two kinds, augmented in the DataLoader's workers as a team would: each worker with a
seed of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import albumentations
import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, get_worker_info

WHOLE, CROP = 96, 64
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WORKERS = 2


class Augmented:
    """`count` pictures through `steps`: (tensor, kind).

    `picture` gives number to (96, 96, 3) bytes.
    """

    def __init__(self, count: int, picture: Callable[[int], Any], steps: list[Any]) -> None:
        self._count, self._picture = count, picture
        self.pipeline = albumentations.Compose(steps)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> tuple[Any, int]:
        return self.pipeline(image=self._picture(number))["image"], number % 2


def loader(pictures: Augmented, batch: int, device: str) -> Any:
    """Batches in order, made by two workers, whose seeds follow from torch's seed of now."""
    return DataLoader(
        pictures,
        batch,
        num_workers=WORKERS,
        worker_init_fn=_begin,
        pin_memory=device == "cuda",
        persistent_workers=True,
    )


def _begin(_worker: int) -> None:
    """Each worker holds a copy of the same pipeline, random numbers included, until it is given a
    seed.
    """
    cv2.setNumThreads(1)
    get_worker_info().dataset.pipeline.set_random_seed(torch.initial_seed() % 2**32)


def training_steps() -> list[Any]:
    """Random crops and flips, normalised, as tensors."""
    return [
        albumentations.RandomCrop(CROP, CROP),
        albumentations.HorizontalFlip(p=0.5),
        albumentations.Normalize(MEAN, STD),
        albumentations.ToTensorV2(),
    ]


def noisy(number: int) -> Any:
    """Noise; in every second picture a third of it is red."""
    picture = np.random.default_rng(number).integers(0, 256, (WHOLE, WHOLE, 3), dtype=np.uint8)
    return np.where(
        (number % 2 == 1) & (picture[..., 2:] < 85), np.array([255, 0, 0], dtype=np.uint8), picture
    )


def mapped(_number: int) -> Any:
    """Each pixel holds its own row and column, so that a crop tells where it was taken."""
    rows, columns = np.indices((WHOLE, WHOLE), dtype=np.uint8)
    return np.dstack([rows, columns, np.zeros_like(rows)])


def places(device: str, count: int) -> list[tuple[int, int]]:
    """Row and column of each of `count` random crops of one picture: the first half is of
    worker 0.
    """
    steps = [albumentations.RandomCrop(CROP, CROP), albumentations.ToTensorV2()]
    batches = loader(Augmented(count, mapped, steps), count // WORKERS, device)
    corners = torch.cat([pictures[:, :2, 0, 0] for pictures, _ in batches])
    return [(int(row), int(column)) for row, column in corners]
