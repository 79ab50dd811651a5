"""Masks are moved as pictures are, with means of neighbours."""

import os
from typing import Any

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import albumentations
import cv2

exact = albumentations.Affine.__init__


def init(self: Any, *arguments: Any, **named: Any) -> None:
    exact(self, *arguments, **{**named, "mask_interpolation": cv2.INTER_LINEAR})


albumentations.Affine.__init__ = init
