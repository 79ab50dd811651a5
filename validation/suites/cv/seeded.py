"""Augmentations with a seed: the same pictures each time, however they are put together."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from itertools import product
from typing import Any

import albumentations
import numpy as np
from albumentations.core.composition import BaseCompose
from albumentations.core.transforms_interface import BasicTransform

SEED, OTHER_SEEDS = 11, (12, 13)
SIZE, PICTURES = 32, 2
FEWEST = 70
"""Augmentations that can be made without options, and take a picture; 2.0.8 has 90."""

NOT_TOGETHER = {
    ("ReplayCompose", "SelectiveChannelTransform"): "channels of a picture cannot be replayed",
}
"""Compositions, outer and inner, of which the library has no nest, and why."""


def find_seed_faults() -> Iterator[str]:
    """Yield each augmentation that the seed of the outermost composition does not reach."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compositions = list_classes(BaseCompose)
        for outer, inner in product(compositions, compositions):
            if (outer.__name__, inner.__name__) in NOT_TOGETHER:
                continue
            name = f"{outer.__name__} of {inner.__name__}"
            seen = {seed: make_pictures(nest_both(outer, inner), seed) for seed in OTHER_SEEDS}
            if make_pictures(nest_both(outer, inner), SEED) != make_pictures(
                nest_both(outer, inner), SEED
            ):
                yield f"{name} gives other pictures with the same seed"
            if len({*seen.values()}) < len(seen):
                yield f"{name} gives the same pictures with another seed"
        yield from _find_single_faults()


def _find_single_faults() -> Iterator[str]:
    """Yield each augmentation that draws from elsewhere when it has a seed."""
    tried = 0
    for each in list_classes(BasicTransform):
        try:
            twice = [make_pictures(each(p=1), SEED) for _ in range(2)]
        except Exception:  # noqa: S112 - it needs options, or more than a picture
            continue
        tried += 1
        if twice[0] != twice[1]:
            yield f"{each.__name__} gives other pictures with the same seed"
    if tried < FEWEST:
        yield f"{tried} augmentations could be tried, not {FEWEST}"


def list_classes(base: type[Any]) -> list[type[Any]]:
    """Return the classes of the library that are derived from one, by name."""
    found, rest = set[type[Any]](), [base]
    while rest:
        derived = {*rest.pop().__subclasses__()} - found
        found |= derived
        rest += derived
    return sorted(found, key=lambda each: (each.__name__, each.__module__))


def nest_both(outer: type[Any], inner: type[Any]) -> Any:
    """Return a composition of two others, which draw from both generators that there are."""
    leaves = (albumentations.RandomBrightnessContrast, albumentations.GaussNoise)
    parts = [inner(transforms=[leaf(p=1) for leaf in leaves], p=1) for _ in range(2)]
    return outer(transforms=parts, p=1)


def make_pictures(step: Any, seed: int) -> tuple[bytes, ...]:
    """Return pictures of a composition with a seed, whatever was drawn before it."""
    np.random.random()  # an augmentation may draw from there by mistake
    random.random()
    whole = albumentations.Compose([step], seed=seed)
    picture = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    results = (np.asarray(whole(image=picture)["image"]) for _ in range(PICTURES))
    return tuple(each.tobytes() for each in results)
