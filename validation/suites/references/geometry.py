"""torchvision's transforms of pictures, boxes and masks against geometry computed apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torchvision
from torchvision import ops, tv_tensors
from torchvision.transforms import v2

from .resampling import interpolate

HEIGHT, WIDTH = 12, 20
BOXES = ((2.0, 3.0, 8.0, 9.0), (10.0, 1.0, 19.0, 6.0), (0.0, 0.0, 5.0, 12.0))
"""Left, top, right and bottom."""

FORMATS = ("XYXY", "XYWH", "CXCYWH")
LIMIT = 1e-4
GREY_LEVELS = 2.0
"""Difference allowed of a picture of bytes, of 255: it is rounded for each direction."""


Corners = Any
"""Boxes as an array of left, top, right and bottom."""

Move = tuple[str, Any, Callable[[Any], Any], Callable[[Corners], Corners]]
"""A transform, and what it does to an array (..., rows, columns) and to the corners of boxes."""


def turn_corners(boxes: Corners) -> Corners:
    """Return boxes after a quarter turn against the clock."""
    left, top, right, bottom = boxes.T
    return np.stack([top, WIDTH - right, bottom, WIDTH - left], axis=1)


MOVES: tuple[Move, ...] = (
    (
        "RandomHorizontalFlip",
        v2.RandomHorizontalFlip(1),
        lambda values: values[..., ::-1],
        lambda boxes: np.stack(
            [WIDTH - boxes[:, 2], boxes[:, 1], WIDTH - boxes[:, 0], boxes[:, 3]], 1
        ),
    ),
    (
        "RandomVerticalFlip",
        v2.RandomVerticalFlip(1),
        lambda values: values[..., ::-1, :],
        lambda boxes: np.stack(
            [boxes[:, 0], HEIGHT - boxes[:, 3], boxes[:, 2], HEIGHT - boxes[:, 1]], 1
        ),
    ),
    (
        "Pad",
        v2.Pad([2, 3, 4, 1]),
        lambda values: np.pad(values, [*[(0, 0)] * (values.ndim - 2), (3, 1), (2, 4)]),
        lambda boxes: boxes + np.array([2, 3, 2, 3]),
    ),
    (
        "CenterCrop",
        v2.CenterCrop((6, 10)),
        lambda values: values[..., 3:9, 5:15],
        lambda boxes: np.clip(boxes - np.array([5, 3, 5, 3]), 0, np.array([10, 6, 10, 6])),
    ),
    (
        "RandomRotation by 90",
        v2.RandomRotation((90, 90), expand=True),
        lambda values: np.rot90(values, axes=(-2, -1)),
        turn_corners,
    ),
    (
        "Resize",
        v2.Resize((HEIGHT * 2, WIDTH * 3), v2.InterpolationMode.NEAREST),
        lambda values: values.repeat(2, axis=-2).repeat(3, axis=-1),
        lambda boxes: boxes * np.array([3, 2, 3, 2]),
    ),
    (
        "RandomCrop",
        v2.RandomCrop((HEIGHT, WIDTH)),
        lambda values: values,
        lambda boxes: boxes,
    ),
)
"""The moves that are tried."""


def find_transform_faults() -> Iterator[str]:
    """Yield each transform that moves the picture, the mask or the boxes to another place."""
    generator = np.random.default_rng(0)
    picture = generator.integers(0, 256, (3, HEIGHT, WIDTH)).astype(np.uint8)
    mask = generator.integers(0, 5, (HEIGHT, WIDTH)).astype(np.uint8)
    for name, transform, move, move_boxes in MOVES:
        for kind in FORMATS:
            sample = {
                "picture": tv_tensors.Image(torch.from_numpy(picture)),
                "mask": tv_tensors.Mask(torch.from_numpy(mask)),
                "boxes": _to_boxes(kind),
            }
            got = transform(sample)
            corners = ops.box_convert(torch.as_tensor(got["boxes"]), kind.lower(), "xyxy").numpy()
            wanted = {"picture": move(picture), "mask": move(mask)}
            wrong = [part for part, each in wanted.items() if not np.array_equal(got[part], each)]
            if not np.allclose(corners, move_boxes(np.array(BOXES)), atol=LIMIT):
                wrong.append(f"boxes as {kind}")
            if wrong:
                yield f"{name} moves {' and '.join(wrong)} to another place"
                break
    yield from _find_value_faults(picture)


def _to_boxes(kind: str) -> Any:
    boxes = torch.tensor(BOXES)
    size, middle = boxes[:, 2:] - boxes[:, :2], (boxes[:, 2:] + boxes[:, :2]) / 2
    ways = {
        "XYXY": boxes,
        "XYWH": torch.cat([boxes[:, :2], size], 1),
        "CXCYWH": torch.cat([middle, size], 1),
    }
    return tv_tensors.BoundingBoxes(ways[kind], format=kind, canvas_size=(HEIGHT, WIDTH))


def _find_value_faults(picture: Any) -> Iterator[str]:
    values = torch.from_numpy(picture).float() / 255
    scaled = v2.ToDtype(torch.float32, scale=True)(tv_tensors.Image(torch.from_numpy(picture)))
    mean, std = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    columns = [np.array(each)[:, None, None] for each in (mean, std)]
    normal = (values.numpy() - columns[0]) / columns[1]
    size = (7, 9)
    plain = interpolate(values[None].numpy(), size=size, mode="bilinear")[0]
    shrunk = _shrink(values, size)
    pairs = (
        ("ToDtype with scale", scaled, values.numpy()),
        ("v2.Normalize", v2.Normalize(mean, std)(tv_tensors.Image(values)), normal),
        ("Normalize", torchvision.transforms.Normalize(mean, std)(values), normal),
        ("resize", v2.functional.resize(values, [*size], antialias=False), plain),
        ("resize with antialias", v2.functional.resize(values, [*size], antialias=True), shrunk),
        ("rgb_to_grayscale", v2.functional.rgb_to_grayscale(values)[0],
         np.tensordot([0.2989, 0.587, 0.114], values.numpy(), axes=1)),
    )  # fmt: skip
    for name, got, wanted in pairs:
        if not np.allclose(np.asarray(got), wanted, atol=LIMIT):
            apart = float(np.abs(np.asarray(got) - wanted).max())
            yield f"{name} is off by {apart:.1e}"

    yield from find_antialias_faults(picture, [*size], shrunk * 255)


def find_antialias_faults(picture: Any, size: list[int], wanted: Any) -> Iterator[str]:
    """Yield each kind of picture that resize makes smaller otherwise than by means."""
    for name, given in (
        ("a tensor of bytes", torch.from_numpy(picture)),
        ("a picture of Pillow", v2.functional.to_pil_image(torch.from_numpy(picture))),
        ("an image of bytes", tv_tensors.Image(torch.from_numpy(picture))),
    ):
        got = np.asarray(v2.functional.to_image(v2.functional.resize(given, size)))
        apart = float(np.abs(got - wanted).max())
        if apart > GREY_LEVELS:
            yield f"resize of {name}, with antialias by default, is off by {apart:.0f} grey levels"


def _shrink(values: Any, size: tuple[int, int]) -> Any:
    """Return a smaller picture; each value is the mean of a triangle around its place."""
    result = values.numpy()
    for axis, new in zip((-2, -1), size, strict=True):
        old = result.shape[axis]
        scale = max(old / new, 1.0)
        centres = (np.arange(new)[:, None] + 0.5) * old / new
        weights = np.maximum(0, 1 - np.abs(np.arange(old) + 0.5 - centres) / scale)
        weights /= weights.sum(axis=1, keepdims=True)
        result = np.moveaxis(np.tensordot(result, weights, axes=(axis, 1)), -1, axis)
    return result
