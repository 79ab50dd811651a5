"""Resizing never aligns the corners."""

import torch

exact = torch.nn.functional.interpolate


def resize(*arguments: object, align_corners: bool | None = None, **named: object) -> torch.Tensor:
    return exact(*arguments, align_corners=None if align_corners is None else False, **named)


torch.nn.functional.interpolate = resize
