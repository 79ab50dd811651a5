"""Albumentations' boxes and masks: which boxes are kept, and classes that stay classes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import albumentations
import numpy as np
from albumentations.core.transforms_interface import DualTransform

from .seeded import list_classes

SIZE, CLASSES = 64, (0, 200)
CROP = (10, 10, 50, 50)
BOXES = ((12, 12, 40, 44), (44, 20, 62, 40), (2, 2, 13, 13), (20, 48, 44, 60), (52, 52, 60, 60))
"""Left, top, right, bottom: one inside the crop, three cut by it, and one outside."""

FILTERS: tuple[tuple[str, float], ...] = (
    ("min_area", 100.0),
    ("min_visibility", 0.3),
    ("min_width", 5.0),
    ("min_height", 5.0),
    ("max_accept_ratio", 3.0),
)
FEWEST = 25
"""Transforms of masks that can be made without options; 2.0.8 has 36."""


def cut_box(box: tuple[int, ...]) -> tuple[int, ...]:
    """Return what the crop leaves of a box, in places of the crop."""
    left, top, right, bottom = CROP
    return (
        max(box[0], left) - left,
        max(box[1], top) - top,
        min(box[2], right) - left,
        min(box[3], bottom) - top,
    )


def list_kept(name: str, least: float) -> list[int]:
    """Return the numbers of the boxes that a filter keeps."""
    kept = []
    for number, box in enumerate(BOXES):
        left, top, right, bottom = cut_box(box)
        wide, high = right - left, bottom - top
        if wide <= 0 or high <= 0:
            continue
        whole = (box[2] - box[0]) * (box[3] - box[1])
        passes = {
            "min_area": wide * high >= least,
            "min_visibility": wide * high / whole >= least,
            "min_width": wide >= least,
            "min_height": high >= least,
            "max_accept_ratio": max(wide / high, high / wide) <= least,
        }
        if name == "" or passes[name]:
            kept.append(number)
    return kept


def find_filter_faults() -> Iterator[str]:
    """Yield each filter of boxes that keeps others than it says."""
    picture = np.zeros((SIZE, SIZE, 3), dtype=np.uint8)
    for name, least in (("", 0.0), *FILTERS):
        options = {name: least} if name else {}
        whole = albumentations.Compose(
            [albumentations.Crop(*CROP, p=1)],
            bbox_params=albumentations.BboxParams("pascal_voc", label_fields=["kinds"], **options),
        )
        got = whole(image=picture, bboxes=np.array(BOXES, float), kinds=[*range(len(BOXES))])
        numbers, wanted = [int(each) for each in got["kinds"]], list_kept(name, least)
        if numbers != wanted:
            limit = f"{name}={least:g}" if name else "no filter"
            yield f"BboxParams with {limit} keeps the boxes {numbers}, not {wanted}"
            continue
        corners = np.array([cut_box(BOXES[each]) for each in wanted], float)
        if not np.allclose(np.array(got["bboxes"], float), corners, atol=0.01):
            yield f"boxes cut by a crop are {np.round(got['bboxes'], 1).tolist()}"


def find_class_faults() -> Iterator[str]:
    """Yield each transform that makes classes of a mask that it did not have."""
    generator, tried = np.random.default_rng(0), 0
    picture = generator.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    mask = np.where(generator.random((8, 8)) > 0.5, *reversed(CLASSES)).astype(np.uint8)
    mask = mask.repeat(SIZE // 8, axis=0).repeat(SIZE // 8, axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind in list_classes(DualTransform):
            try:
                whole = albumentations.Compose([kind(p=1)], seed=1)
                masks = [whole(image=picture, mask=mask)["mask"] for _ in range(2)]
            except Exception:  # noqa: S112 - it needs options, or more than a picture
                continue
            tried += 1
            new = {int(each) for got in masks for each in np.unique(got)} - {*CLASSES}
            if new:
                yield f"{kind.__name__} makes the classes {sorted(new)[:4]} in a mask of {CLASSES}"
    if tried < FEWEST:
        yield f"{tried} transforms of masks could be tried, not {FEWEST}"
