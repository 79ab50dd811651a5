"""Programs with torchvision, albumentations and Pillow."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import torch

from ... import pool
from .. import telling
from ..families import Family, find_in, list_kinds_of

ROUNDED = ("RandomSunFlare",)
"""What it blends is rounded otherwise by other processors, by whole steps of a pixel."""


def run_vision(name: str, **options: Any) -> Any:
    """Return what a network of torchvision gives for a picture, and its gradients' sizes."""
    models = importlib.import_module("torchvision.models")
    pool.set_seeds()
    net = models.get_model(name, weights=None, **options).eval()
    with torch.no_grad():
        return net(torch.rand(1, 3, 64, 64))


def augment(name: str, *values: Any, **options: Any) -> Any:
    """Return what a transform of albumentations makes of a picture with all that belongs to it."""
    library = importlib.import_module("albumentations")
    kind = getattr(library, name)
    given = {"p": 1.0} if "p" in inspect.signature(kind).parameters else {}
    made = kind(*values, **{**given, **options})
    boxes = library.BboxParams("pascal_voc", label_fields=["labels"])
    composed = library.Compose(
        [made],
        bbox_params=boxes,
        seed=pool.SEED,
        keypoint_params=library.KeypointParams("xy", remove_invisible=False),
    )
    parts: dict[str, Any] = {
        "mask": pool.make_value("$gray") // 64,
        "keypoints": [(3, 4), (10, 12)],
    }
    parts |= {"bboxes": [[1, 2, 6, 9], [2, 0, 11, 15]], "labels": [0, 1]}
    if name == "RandomCropNearBBox":
        parts["cropping_bbox"] = [2, 3, 9, 12]
    picture = pool.make_value("$photo")
    try:
        return telling.tell_parts(composed(image=picture, **parts))
    except Exception:
        return telling.tell_parts(library.Compose([made], seed=pool.SEED)(image=picture))


def keep_boxes(form: str, **options: Any) -> Any:
    """Return the boxes that stay in a part of a picture, with options of boxes."""
    library = importlib.import_module("albumentations")
    boxes = library.BboxParams(form, **{"label_fields": ["labels"], **options})
    crop = library.Crop(2, 3, 8, 11, p=1.0)
    given = [[0.1, 0.1, 0.4, 0.3], [0.2, 0.3, 0.9, 0.95], [0.5, 0.6, 0.6, 0.7], [0, 0.8, 0.9, 1]]
    if form in ("pascal_voc", "coco"):
        given = [[x * 12, y * 16, z * 12, w * 16] for x, y, z, w in given]
    if form in ("coco", "yolo"):
        given = [[x, y, z - x, w - y] for x, y, z, w in given]
    if form == "yolo":
        given = [[x + w / 2, y + h / 2, w, h] for x, y, w, h in given]
    composed = library.Compose([crop, library.HorizontalFlip(p=1.0)], bbox_params=boxes, seed=7)
    found = composed(image=pool.make_value("$photo"), bboxes=given, labels=[0, 1, 2, 3])
    return telling.tell_parts(found)


def transform_all(name: str, *values: Any, **options: Any) -> Any:
    """Return what a transform of torchvision makes of a picture and all that belongs to it."""
    kind = getattr(importlib.import_module("torchvision.transforms.v2"), name)
    boxes = ("$tv_boxes", "$tv_boxes_with_sizes", "$tv_boxes_with_centres")
    parts = ("$tv_image", *boxes, "$tv_mask", "$pil", "$classes")
    sample = {part[1:]: pool.make_value(part) for part in parts}
    made = kind(*values, **options)
    try:
        return telling.tell_parts(made(sample))
    except (TypeError, ValueError):  # some take one part alone, or a batch
        return telling.tell_parts(made(pool.make_value("$tv_image")))


def list_vision_models() -> list[str]:
    """Return the networks of torchvision that are small."""
    small = ("resnet18", "mobilenet", "shufflenet", "squeezenet", "mnasnet0_5", "efficientnet_b0")
    names = importlib.import_module("torchvision.models").list_models(
        importlib.import_module("torchvision.models")
    )
    more = ("regnet_y_400mf", "regnet_x_400mf", "densenet121", "googlenet")
    return [name for name in names if name.startswith(small) or name in more]


def list_augmentations() -> list[str]:
    """Return the names of all augmentations but those that processors round otherwise."""
    home = "albumentations.core.transforms_interface"
    names = list_kinds_of("albumentations", "BasicTransform", home)()
    return [name for name in names if name not in ROUNDED]


OF_TORCHVISION = (
    Family(
        transform_all,
        list_kinds_of("torchvision.transforms.v2", "Transform"),
        find_in("torchvision.transforms.v2"),
    ),
    Family(run_vision, list_vision_models, lambda _: None),
)
OF_ALBUMENTATIONS = (
    Family(
        keep_boxes,
        lambda: ["pascal_voc", "coco", "yolo", "albumentations"],
        lambda _: find_in("albumentations")("BboxParams"),
        1,
    ),
    Family(augment, list_augmentations, find_in("albumentations")),
)
