"""The programs whose results are recorded, by package.

A recorded call names the class and its options, for instance `scenarios.train_with('AdamW',
amsgrad=True)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .programs import (
    of_agents,
    of_environments,
    of_hub,
    of_models,
    of_pictures,
    of_spaces,
    of_texts,
    of_tokens,
    of_torch,
    of_training,
    of_vectors,
    of_wrappers,
)
from .programs.families import Family

FAMILIES: dict[str, tuple[Family, ...]] = {
    "torch": of_torch.FAMILIES,
    "torchvision": of_pictures.OF_TORCHVISION,
    "albumentations": of_pictures.OF_ALBUMENTATIONS,
    "gymnasium": of_environments.OF_GYMNASIUM
    + of_spaces.OF_SPACES
    + of_vectors.OF_VECTORS
    + of_wrappers.OF_WRAPPERS,
    "stable_baselines3": of_environments.OF_STABLE_BASELINES3
    + of_agents.OF_AGENTS
    + of_training.OF_TRAINING,
    "transformers": of_texts.OF_TRANSFORMERS + of_tokens.OF_FAST + of_models.OF_MODELS,
    "tokenizers": of_tokens.OF_TOKENIZERS,
    "safetensors": of_hub.OF_SAFETENSORS,
    "huggingface_hub": of_hub.OF_HUB,
    "torchmetrics": of_texts.OF_TORCHMETRICS,
}


def find_program(name: str) -> Callable[..., Any]:
    """Return the program of a name. Raises AttributeError if there is none."""
    for family in (each for families in FAMILIES.values() for each in families):
        if family.program.__name__ == name:
            return family.program
    raise AttributeError(f"there is no program {name}")
