"""torchvision's operators on boxes and regions against definitions in NumPy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torchvision import ops

from .arrays import describe_difference

COUNT, CLASSES, LIMIT = 40, 3, 0.3
HEIGHT, WIDTH = 60, 64
"""Of the picture that the boxes lie in, and partly outside of."""

Boxes = Any
"""An array of left, top, right and bottom."""

Pair = tuple[str, Any, Any]
"""The name of an operator, what it gives, and what the definition gives."""


def find_box_faults() -> Iterator[str]:
    """Yield how areas, overlaps and the choice among boxes are not those of their definition."""
    generator = np.random.default_rng(1)
    corner, size = generator.uniform(-5, 50, (COUNT, 2)), generator.uniform(0.5, 30, (COUNT, 2))
    boxes = np.concatenate([corner, corner + size], axis=1)
    scores, classes = generator.permutation(COUNT) / COUNT, generator.integers(0, CLASSES, COUNT)
    for pairs in (
        _iter_shapes(boxes),
        _iter_overlaps(boxes),
        _iter_choices(boxes, scores, classes),
        _iter_losses(boxes),
        _iter_regions(generator.uniform(-1, 1, (12, 16))),
    ):
        for name, got, wanted in pairs:
            if problem := describe_difference(np.asarray(got), np.asarray(wanted), 1e-6):
                yield f"torchvision.ops.{name} {problem}"


def _iter_shapes(boxes: Boxes) -> Iterator[Pair]:
    given, size = torch.from_numpy(boxes), boxes[:, 2:] - boxes[:, :2]
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    ways = {
        "xyxy": boxes,
        "xywh": np.concatenate([boxes[:, :2], size], axis=1),
        "cxcywh": np.concatenate([middle, size], axis=1),
    }
    for old, values in ways.items():
        for new, wanted in ways.items():
            yield "box_convert", ops.box_convert(torch.from_numpy(values), old, new), wanted
    yield "box_area", ops.box_area(given), size.prod(axis=1)
    cut = np.clip(boxes, 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
    yield "clip_boxes_to_image", ops.clip_boxes_to_image(given, (HEIGHT, WIDTH)), cut
    large = np.flatnonzero((size >= 6).all(axis=1))
    yield "remove_small_boxes", ops.remove_small_boxes(given, 6.0), large
    masks = np.zeros((2, 9, 9), bool)
    masks[0, 2:5, 3:8] = masks[1, 7, 1] = True
    edges = [[3.0, 2.0, 7.0, 4.0], [1.0, 7.0, 1.0, 7.0]]
    yield "masks_to_boxes", ops.masks_to_boxes(torch.from_numpy(masks)), edges


def measure_overlaps(one: Boxes, other: Boxes) -> tuple[Any, Any, Any, Any]:
    """Return the overlaps of pairs of boxes: plain, generalized, by distance, complete.

    The arrays have boxes in their last axis, and are broadcast.
    """
    low, high = np.maximum(one[..., :2], other[..., :2]), np.minimum(one[..., 2:], other[..., 2:])
    sizes = [each[..., 2:] - each[..., :2] for each in (one, other)]
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    union = sizes[0].prod(axis=-1) + sizes[1].prod(axis=-1) - shared
    plain = shared / union
    first, last = np.minimum(one, other)[..., :2], np.maximum(one, other)[..., 2:]
    around = (last - first).prod(axis=-1)
    apart = ((one[..., :2] + one[..., 2:] - other[..., :2] - other[..., 2:]) ** 2).sum(-1) / 4
    by_distance = plain - apart / ((last - first) ** 2).sum(-1)
    angles = [np.arctan(each[..., 0] / each[..., 1]) for each in sizes]
    shape = 4 / math.pi**2 * (angles[0] - angles[1]) ** 2
    complete = by_distance - shape * shape / (1 - plain + shape + 1e-7)
    return plain, plain - (around - union) / around, by_distance, complete


def _iter_overlaps(boxes: Boxes) -> Iterator[Pair]:
    given, names = (
        torch.from_numpy(boxes),
        ("box", "generalized_box", "distance_box", "complete_box"),
    )
    wanted = measure_overlaps(boxes[:30, None], boxes[None, 10:])
    for name, right in zip(names, wanted, strict=True):
        yield f"{name}_iou", getattr(ops, f"{name}_iou")(given[:30], given[10:]), right


def choose_boxes(boxes: Boxes, scores: Any) -> list[int]:
    """Return the places of boxes, best first, that overlap no better one by more than LIMIT."""
    overlaps, kept = measure_overlaps(boxes[:, None], boxes[None])[0], list[int]()
    for at in np.argsort(-scores):
        if all(overlaps[at, other] <= LIMIT for other in kept):
            kept.append(int(at))
    return kept


def _iter_choices(boxes: Boxes, scores: Any, classes: Any) -> Iterator[Pair]:
    given = torch.from_numpy(boxes), torch.from_numpy(scores)
    yield "nms", ops.nms(*given, LIMIT), choose_boxes(boxes, scores)
    kept = list[int]()
    for number in range(CLASSES):
        mine = np.flatnonzero(classes == number)
        kept += mine[choose_boxes(boxes[mine], scores[mine])].tolist()
    best_first = sorted(kept, key=lambda at: -scores[at])
    yield "batched_nms", ops.batched_nms(*given, torch.from_numpy(classes), LIMIT), best_first


def _iter_losses(boxes: Boxes) -> Iterator[Pair]:
    one, other = torch.from_numpy(boxes[:20]), torch.from_numpy(boxes[20:])
    _, *wanted = measure_overlaps(boxes[:20], boxes[20:])
    for name, right in zip(("generalized", "distance", "complete"), wanted, strict=True):
        yield f"{name}_box_iou_loss", getattr(ops, f"{name}_box_iou_loss")(one, other), 1 - right
    values, marks = boxes[:, 0] / 9, (boxes[:, 1] > 20).astype(float)
    chance = 1 / (1 + np.exp(-values))
    right = np.where(marks == 1, chance, 1 - chance)
    share = np.where(marks == 1, 0.25, 0.75)
    loss = ops.sigmoid_focal_loss(torch.from_numpy(values), torch.from_numpy(marks))
    yield "sigmoid_focal_loss", loss, -share * (1 - right) ** 2 * np.log(right)


def _iter_regions(picture: Any) -> Iterator[Pair]:
    """Regions whose bins are whole pixels, or sampled once in the middle."""
    given = torch.from_numpy(picture)[None, None]
    region = torch.tensor([[0.0, 2, 1, 10, 9]], dtype=torch.float64)
    means = picture[1:9, 2:10].reshape(4, 2, 4, 2).mean(axis=(1, 3))
    aligned = ops.roi_align(given, region, 4, sampling_ratio=2, aligned=True)[0, 0]
    yield "roi_align", aligned, means
    largest = picture[1:9, 2:10].reshape(4, 2, 4, 2).max(axis=(1, 3))
    inclusive = region - torch.tensor([[0.0, 0, 0, 1, 1]], dtype=torch.float64)
    yield "roi_pool", ops.roi_pool(given, inclusive, 4)[0, 0], largest
