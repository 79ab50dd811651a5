"""A seed does not reach augmentations in a composition of a composition."""

import os

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

from typing import Any

from albumentations.core.composition import BaseCompose

exact = BaseCompose.set_random_seed


def set_random_seed(self: Any, seed: Any) -> None:
    whole = self.transforms
    self.transforms = [each for each in whole if not isinstance(each, BaseCompose)]
    exact(self, seed)
    self.transforms = whole


BaseCompose.set_random_seed = set_random_seed
