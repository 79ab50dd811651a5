"""The programs whose results are recorded, by package.

A recorded call names the class and its options, for instance `scenarios.train_with('AdamW',
amsgrad=True)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .programs import (
    of_augmentations,
    of_detection,
    of_drawing,
    of_environments,
    of_files,
    of_pictures,
    of_records,
    of_tables,
    of_texts,
    of_torch,
    of_transforms,
)
from .programs.families import Family

FAMILIES: dict[str, tuple[Family, ...]] = {
    "torch": of_torch.FAMILIES,
    "numpy": of_records.OF_NUMPY,
    "PIL": of_files.OF_FILES + of_drawing.OF_DRAWING,
    "pandas": of_tables.OF_PANDAS,
    "scipy": of_tables.OF_SCIPY,
    "torchvision": of_pictures.OF_TORCHVISION
    + of_detection.OF_DETECTION
    + of_transforms.OF_TRANSFORMS,
    "albumentations": of_pictures.OF_ALBUMENTATIONS + of_augmentations.OF_AUGMENTATIONS,
    "gymnasium": of_environments.OF_GYMNASIUM,
    "stable_baselines3": of_environments.OF_STABLE_BASELINES3,
    "transformers": of_texts.OF_TRANSFORMERS,
    "torchmetrics": of_texts.OF_TORCHMETRICS,
}


def find_program(name: str) -> Callable[..., Any]:
    """Return the program of a name. Raises AttributeError if there is none."""
    for family in (each for families in FAMILIES.values() for each in families):
        if family.program.__name__ == name:
            return family.program
    raise AttributeError(f"there is no program {name}")
