"""Pictures of two kinds, augmented in the DataLoader's workers, each with a seed of its own."""

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


class AugmentedPictures:
    """`count` pictures after `steps`, as (tensor, kind).

    `picture` maps a number to (96, 96, 3) bytes.
    """

    def __init__(self, count: int, picture: Callable[[int], Any], steps: list[Any]) -> None:
        self._count, self._picture = count, picture
        self.pipeline = albumentations.Compose(steps)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> tuple[Any, int]:
        return self.pipeline(image=self._picture(number))["image"], number % 2


def build_loader(pictures: AugmentedPictures, batch: int, device: str) -> Any:
    """Return a loader of batches in order, made by two workers.

    The seeds of the workers follow from torch's current seed.
    """
    return DataLoader(
        pictures,
        batch,
        num_workers=WORKERS,
        worker_init_fn=_seed_worker,
        pin_memory=device == "cuda",
        persistent_workers=True,
    )


def _seed_worker(_worker: int) -> None:
    """Give the pipeline of a worker a seed.

    Each worker has a copy of it, with the same random numbers.
    """
    cv2.setNumThreads(1)
    get_worker_info().dataset.pipeline.set_random_seed(torch.initial_seed() % 2**32)


def training_steps() -> list[Any]:
    """Return random crops and flips, normalised, as tensors."""
    return [
        albumentations.RandomCrop(CROP, CROP),
        albumentations.HorizontalFlip(p=0.5),
        albumentations.Normalize(MEAN, STD),
        albumentations.ToTensorV2(),
    ]


def draw_noisy_picture(number: int) -> Any:
    """Return noise; in every second picture a third of it is red."""
    picture = np.random.default_rng(number).integers(0, 256, (WHOLE, WHOLE, 3), dtype=np.uint8)
    return np.where(
        (number % 2 == 1) & (picture[..., 2:] < 85), np.array([255, 0, 0], dtype=np.uint8), picture
    )


def draw_coordinates(_number: int) -> Any:
    """Return a picture whose pixels hold their own row and column.

    So a crop shows its place.
    """
    rows, columns = np.indices((WHOLE, WHOLE), dtype=np.uint8)
    return np.dstack([rows, columns, np.zeros_like(rows)])


def find_crop_places(device: str, count: int) -> list[tuple[int, int]]:
    """Return the row and column of each of `count` random crops of one picture.

    The first half is of worker 0.
    """
    steps = [albumentations.RandomCrop(CROP, CROP), albumentations.ToTensorV2()]
    batches = build_loader(
        AugmentedPictures(count, draw_coordinates, steps), count // WORKERS, device
    )
    corners = torch.cat([pictures[:, :2, 0, 0] for pictures, _ in batches])
    return [(int(row), int(column)) for row, column in corners]
