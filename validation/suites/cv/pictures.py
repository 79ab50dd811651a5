"""OpenCV's formats and sizes, and Albumentations' boxes and masks, against definitions of NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import albumentations
import cv2
import numpy as np

from ..orientations import TURNS, draw_blocks, is_same_picture, write_with_orientation

HEIGHT, WIDTH = 12, 20
EXACT = (".png", ".bmp", ".tiff", ".ppm")
FORMATS = (*EXACT, ".jpg", ".webp", ".jp2")
LEVELS = 6.0
"""Mean difference allowed of a format that loses something, of 255."""

BOXES = ((2, 3, 8, 9), (10, 1, 19, 6))
"""Left, top, right and bottom."""


def draw_smooth() -> Any:
    """Return smooth colours that differ in both directions: (rows, columns, 3) bytes."""
    rows, columns = np.mgrid[0:48, 0:64]
    return np.stack([rows * 5, columns * 3, 128 + 0 * rows], axis=-1).astype(np.uint8)


def find_format_faults() -> Iterator[str]:
    """Yield each format that OpenCV cannot write and read, or gives back otherwise."""
    picture = draw_smooth()
    for name in FORMATS:
        try:
            written, data = cv2.imencode(name, picture)
            got = cv2.imdecode(data, cv2.IMREAD_COLOR) if written else None
        except cv2.error as error:
            yield f"OpenCV cannot write {name}: {str(error).splitlines()[0][:100]}"
            continue
        if got is None or got.shape != picture.shape:
            yield f"OpenCV cannot read the {name} that it wrote"
            continue
        apart = float(np.abs(got.astype(float) - picture).mean())
        if apart > (0 if name in EXACT else LEVELS):
            yield f"OpenCV's {name} is off by {apart:.1f} grey levels on average"


def find_turn_faults() -> Iterator[str]:
    """Yield how OpenCV does not turn a picture as its file says, or turns it unasked."""
    rows = draw_blocks()
    for number, turn in TURNS.items():
        data = np.frombuffer(write_with_orientation(rows, "JPEG", number), np.uint8)
        for name, wanted in (
            ("IMREAD_COLOR", turn(rows)),
            ("IMREAD_UNCHANGED", rows),
            ("IMREAD_COLOR | IMREAD_IGNORE_ORIENTATION", rows),
        ):
            flags = sum(getattr(cv2, each) for each in name.split(" | "))
            got = cv2.imdecode(data, flags)[..., ::-1]
            if not is_same_picture(got, wanted):
                yield f"OpenCV turns a JPEG of orientation {number} otherwise, with {name}"


def find_resize_faults() -> Iterator[str]:
    """Yield each way of resizing, or of mixing colours, that is not its definition."""
    values = np.random.default_rng(0).random((HEIGHT, WIDTH)).astype(np.float32)
    moved = np.array([[1, 0, 2], [0, 1, 3]], dtype=np.float32)
    size = (9, 7)  # columns and rows, as OpenCV has them
    pairs = (
        ("INTER_LINEAR", cv2.resize(values, size), _weigh(values, size, smooth=True)),
        (
            "INTER_NEAREST",
            cv2.resize(values, size, interpolation=cv2.INTER_NEAREST),
            _weigh(values, size, smooth=False),
        ),
        (
            "INTER_AREA",
            cv2.resize(values, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA),
            values.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean(axis=(1, 3)),
        ),
        ("flip", cv2.flip(values, 1), values[:, ::-1]),
        ("rotate", cv2.rotate(values, cv2.ROTATE_90_CLOCKWISE), np.rot90(values, -1)),
        ("warpAffine", cv2.warpAffine(values, moved, (WIDTH, HEIGHT)),
         np.pad(values, [(3, 0), (2, 0)])[:HEIGHT, :WIDTH]),
        ("blur", cv2.blur(values, (3, 3))[1:-1, 1:-1],
         np.lib.stride_tricks.sliding_window_view(values, (3, 3)).mean(axis=(2, 3))),
    )  # fmt: skip
    for name, got, wanted in pairs:
        if got.shape != wanted.shape or not np.allclose(got, wanted, atol=1e-4):
            yield f"{name} of OpenCV is not its definition"
    picture = draw_smooth().astype(np.float32)
    grey = picture @ np.array([0.114, 0.587, 0.299], dtype=np.float32)
    if not np.allclose(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), grey, atol=0.1):
        yield "COLOR_BGR2GRAY of OpenCV weighs colours otherwise"


def _weigh(values: Any, size: tuple[int, int], *, smooth: bool) -> Any:
    """Return the picture at another size: means of neighbours, or the nearest above."""
    result = values.astype(float)
    for axis, new in zip((1, 0), size, strict=True):
        old = result.shape[axis]
        place = (np.arange(new) + 0.5) * old / new - 0.5
        if not smooth:
            result = np.take(result, np.arange(new) * old // new, axis=axis)
            continue
        place = np.clip(place, 0, old - 1)
        low = np.minimum(np.floor(place).astype(int), old - 2)
        part = (place - low).reshape([-1 if each == axis else 1 for each in range(2)])
        low_values, high_values = (np.take(result, low + more, axis=axis) for more in (0, 1))
        result = low_values * (1 - part) + high_values * part
    return result


def find_box_faults() -> Iterator[str]:
    """Yield each augmentation that moves the picture, the mask or the boxes to another place."""
    generator = np.random.default_rng(1)
    picture = generator.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    mask = generator.integers(0, 5, (HEIGHT, WIDTH), dtype=np.uint8)
    boxes = np.array(BOXES, dtype=float)
    left, top, right, bottom = boxes.T
    moves: tuple[tuple[str, Any, Any, Any], ...] = (
        ("HorizontalFlip", albumentations.HorizontalFlip(p=1), lambda each: each[:, ::-1],
         (WIDTH - right, top, WIDTH - left, bottom)),
        ("VerticalFlip", albumentations.VerticalFlip(p=1), lambda each: each[::-1],
         (left, HEIGHT - bottom, right, HEIGHT - top)),
        ("Transpose", albumentations.Transpose(p=1), lambda each: each.swapaxes(0, 1),
         (top, left, bottom, right)),
        ("Crop", albumentations.Crop(1, 1, 20, 11), lambda each: each[1:11, 1:20],
         (left - 1, top - 1, right - 1, bottom - 1)),
        ("Resize", albumentations.Resize(HEIGHT * 2, WIDTH * 3, interpolation=cv2.INTER_NEAREST),
         lambda each: each.repeat(2, axis=0).repeat(3, axis=1),
         (left * 3, top * 2, right * 3, bottom * 2)),
    )  # fmt: skip
    for name, step, move, corners in moves:
        pipeline = albumentations.Compose(
            [step], bbox_params=albumentations.BboxParams("pascal_voc", label_fields=["kinds"])
        )
        got = pipeline(image=picture, mask=mask, bboxes=boxes, kinds=[7, 8])
        wrong = [
            part
            for part, right_values in (("image", move(picture)), ("mask", move(mask)))
            if not np.array_equal(got[part], right_values)
        ]
        if not np.allclose(
            np.array(got["bboxes"], dtype=float), np.stack(corners, axis=1), atol=0.01
        ):
            wrong.append("boxes")
        if [int(each) for each in got["kinds"]] != [7, 8]:
            wrong.append("labels")
        if wrong:
            yield f"{name} moves {' and '.join(wrong)} to another place"
