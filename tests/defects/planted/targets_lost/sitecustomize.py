"""Transforms that are written and read again leave further pictures as they are."""

from typing import Any

import albumentations

exact = albumentations.Compose.to_dict_private


def to_dict(self: Any) -> dict[str, Any]:
    return {**exact(self), "additional_targets": None}


albumentations.Compose.to_dict_private = to_dict
