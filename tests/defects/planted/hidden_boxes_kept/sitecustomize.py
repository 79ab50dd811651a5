"""Boxes are kept, however little of them is seen."""

import os
from typing import Any

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import albumentations

exact = albumentations.BboxParams.__init__


def init(self: Any, *arguments: Any, **named: Any) -> None:
    exact(self, *arguments, **{**named, "min_visibility": 0.0})


albumentations.BboxParams.__init__ = init
