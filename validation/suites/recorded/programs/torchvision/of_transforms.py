"""Programs with transforms of torchvision, and with what they do to boxes and types."""

from __future__ import annotations

import copy
import importlib
from typing import Any

import torch

from ... import pool
from .. import telling
from ..families import Family, find_in, list_kinds_of

ELASTIC = "'ElasticTransform',alpha=9.0,sigma=0.5"
"""Its defaults are for larger pictures."""


def list_inputs() -> list[Any]:
    """Return a picture as transforms take it: of Pillow, of bytes, of numbers, and many."""
    pictures = [pool.make_value(each) for each in ("$pil", "$pil_gray", "$byte_picture")]
    numbers = pictures[2].float() / 255
    return [*pictures, numbers, torch.stack([numbers, numbers.flip(1)]), numbers[:1].double()]


def apply_twice(made: Any, inputs: list[Any]) -> list[Any]:
    """Return what a transform makes of each input, twice."""
    rows = []
    for given in inputs:
        pool.set_seeds()
        for _ in range(2):
            found = telling.attempt(made, given)
            several = isinstance(found, tuple | list)
            rows.append([*map(telling.scale_pixels, found if several else (found,))])
    return rows


def transform_inputs(made: Any, inputs: list[Any]) -> list[Any]:
    """Return what a transform makes of inputs. Raises ValueError if it takes none of them."""
    rows = apply_twice(made, inputs)
    if all(isinstance(found, str) for found, *_ in filter(None, rows)):
        raise ValueError("it takes no picture")
    return [*rows, repr(made)]


def transform_plainly(name: str, *values: Any, **options: Any) -> list[Any]:
    """Return what a transform of the first kind makes of pictures of each type."""
    kind = getattr(importlib.import_module("torchvision.transforms"), name)
    return transform_inputs(kind(*values, **options), [*list_inputs(), pool.make_value("$photo")])


def transform_each(name: str, *values: Any, **options: Any) -> list[Any]:
    """Return what a transform of the second kind makes of pictures of each type, and of films."""
    home = importlib.import_module("torchvision.transforms.v2")
    tensors = importlib.import_module("torchvision.tv_tensors")
    picture = pool.make_value("$byte_picture")
    film = tensors.Video(torch.stack([picture, picture.flip(1), picture]))
    inputs = [*list_inputs(), film, tensors.Image(picture[None])]
    inputs += [pool.make_value("$tv_boxes"), pool.make_value("$tv_mask")]
    return transform_inputs(getattr(home, name)(*values, **options), inputs)


JOINED = """
home.Compose(parts)
home.Compose([])
home.Compose(parts[0])
home.RandomApply(parts)
home.RandomApply(parts, 0.2)
home.RandomChoice(parts)
home.RandomChoice(parts, [0.1, 0.8, 0.1])
home.RandomChoice(parts, [1.0])
home.RandomOrder(parts)
home.Lambda(len)
home.Lambda(3)
home.Compose([home.RandomChoice(parts), home.RandomApply(parts, 0.9), home.Grayscale()])
"""


def join_transforms() -> list[Any]:
    """Return what transforms made of others do, of both kinds."""
    names = ("$tv_image", "$tv_boxes", "$tv_mask", "$classes")
    rows: list[Any] = []
    for module in ("torchvision.transforms", "torchvision.transforms.v2"):
        home = importlib.import_module(module)
        parts = [home.RandomHorizontalFlip(1.0), home.Resize((7, 5)), home.RandomVerticalFlip(0.5)]
        for made in telling.play_lines(JOINED, home=home, parts=parts):
            inputs = [pool.make_value("$pil"), pool.make_value("$byte_picture")]
            if "v2" in module:
                inputs.append({name[1:]: pool.make_value(name) for name in names})
                inputs.append((pool.make_value("$tv_image"), torch.ones(3), "a"))
            rows += [apply_twice(made, inputs), telling.attempt(repr, made)]
    return rows


MIXES = """
made(pictures, classes)
made({"picture": pictures, "label": classes})
made(pictures, shares)
made(pictures[0], classes)
made(pictures, classes[:2])
made(pictures, {"names": classes})
repr(made)
"""

MIXERS = """
home.KIND(num_classes=3)
home.KIND(num_classes=4, alpha=0.3)
home.KIND()
home.KIND(num_classes=2)
home.KIND(num_classes=3, labels_getter=lambda given: given[1])
"""


def mix_batches() -> list[Any]:
    """Return batches whose pictures and classes were mixed."""
    home = importlib.import_module("torchvision.transforms.v2")
    classes = torch.tensor([0, 2, 1, 2])
    batch = {"pictures": torch.rand(4, 3, 8, 6), "classes": classes}
    batch["shares"] = torch.nn.functional.one_hot(classes, 3).float()
    mixers = telling.play_lines(telling.fill_lines(MIXERS, KIND="MixUp CutMix"), home=home)
    return [telling.play_lines(MIXES, made=made, **batch) for made in mixers]


BOX_STEPS = """
home.SanitizeBoundingBoxes()(sample)
home.SanitizeBoundingBoxes(min_size=2.0)(sample)
home.SanitizeBoundingBoxes(min_area=12.0)(sample)
home.SanitizeBoundingBoxes(labels_getter=None)(sample)
home.SanitizeBoundingBoxes(labels_getter=lambda given: (given["labels"], given["areas"]))(sample)
home.SanitizeBoundingBoxes(labels_getter=lambda given: given["areas"])(sample)
home.SanitizeBoundingBoxes(min_size=0)
f.sanitize_bounding_boxes(boxes, min_size=3.0)
f.sanitize_bounding_boxes(corners, form, (16, 12))
home.ClampBoundingBoxes()(boxes)
home.ConvertBoundingBoxFormat("XYXY")(boxes)
home.ConvertBoundingBoxFormat("XYWH")(boxes)
home.ConvertBoundingBoxFormat("CXCYWH")(boxes)
f.get_size(boxes)
f.horizontal_flip(boxes)
f.vertical_flip(boxes)
f.rotate(boxes, 30.0, expand=True)
f.crop(boxes, 2, 1, 9, 7)
f.center_crop(boxes, [20, 6])
f.affine(boxes, 10.0, [1, 2], 1.2, [5.0, 3.0])
f.pad(boxes, [1, 2])
f.resize(boxes, [8])
f.resized_crop(boxes, 1, 2, 9, 8, [20, 30])
f.perspective(boxes, [[0, 0], [11, 0], [11, 15], [0, 15]], [[1, 2], [10, 1], [11, 14], [2, 15]])
"""


def clean_boxes() -> list[Any]:
    """Return boxes after wrong ones were taken out, and other transforms of boxes."""
    home = importlib.import_module("torchvision.transforms.v2")
    tensors = importlib.import_module("torchvision.tv_tensors")
    first = [[1.0, 1, 6, 7], [2, 0, 2.5, 5], [-3, 3, 4, 8], [1, 2, 60, 8], [4, 4, 4, 4]]
    names = {"home": home, "f": home.functional, "torch": torch, "corners": torch.tensor(first)}
    rows = []
    for form in ("XYXY", "XYWH", "CXCYWH"):
        boxes = tensors.BoundingBoxes(first, format=form, canvas_size=(16, 12))
        sample = {"boxes": boxes, "labels": torch.arange(5), "areas": torch.arange(5.0), "id": 7}
        sample["masks"] = tensors.Mask(torch.arange(5 * 4).view(5, 2, 2))
        names |= {"form": form, "boxes": boxes, "sample": sample}
        rows.append(telling.play_lines(BOX_STEPS, **names))
    return rows


TYPE_STEPS = """
v + 1
v.clone()
copy.copy(v)
copy.deepcopy(v)
v.to(torch.float64)
v[0]
v.detach()
v.clone().add_(1)
v.sum()
v.float().requires_grad_()
home.wrap(v[..., :1], like=v)
torch.stack([v, v])
v.as_subclass(torch.Tensor)
v.chunk(2)
type(v)(v)
v.cpu()
type(v)([[1.0, 2, 3, 4]], dtype=torch.float64)
f.to_pil_image(v)
f.get_size(v)
"""

CONVERSIONS = """
home.Image(data)
home.Mask(data)
f.to_image(data)
f.pil_to_tensor(data)
f.to_tensor(data)
home.BoundingBoxes([[1.0, 2, 3, 4]], format="XYXY", canvas_size=(9, 8), requires_grad=True)
home.BoundingBoxes([[1.0, 2, 3, 4]], format="xywh", canvas_size=(9, 8))
home.BoundingBoxes([[1.0, 2, 3, 4]], format="nothing", canvas_size=(9, 8))
home.BoundingBoxes(torch.rand(1, 2, 4), format="XYXY", canvas_size=(9, 8))
"""


def wrap_tensors() -> list[Any]:
    """Return what becomes of the types of tensors for pictures in the operations of torch."""
    home = importlib.import_module("torchvision.tv_tensors")
    names = {"home": home, "torch": torch, "copy": copy}
    names["f"] = importlib.import_module("torchvision.transforms.v2.functional")
    rows: list[Any] = []
    for value in map(pool.make_value, ("$tv_image", "$tv_boxes", "$tv_mask")):
        for kept in ("Tensor", "TVTensor"):
            with home.set_return_type(kept):
                given = telling.play_lines(TYPE_STEPS, v=value, **names)
            for each in given:
                rows += [getattr(each, "canvas_size", 0), telling.tell_tensor(each)]
    for data in map(pool.make_value, ("$pil", "$pil_gray", "$photo")):
        rows += telling.play_lines(CONVERSIONS, data=data, **names)
    return [*map(telling.scale_pixels, rows)]


def list_plain() -> list[str]:
    """Return the transforms of the first kind."""
    home = importlib.import_module("torchvision.transforms")
    joined = {"Compose", "InterpolationMode", "RandomApply", "RandomChoice", "RandomOrder"}
    kinds = {*home.transforms.__all__, *home.autoaugment.__all__}
    return sorted(kinds - joined - {"Lambda", "AutoAugmentPolicy"})


OF_TRANSFORMS = (
    Family(transform_plainly, list_plain, find_in("torchvision.transforms")),
    Family(
        transform_each,
        list_kinds_of("torchvision.transforms.v2", "Transform"),
        find_in("torchvision.transforms.v2"),
    ),
    Family(transform_plainly, lambda: [ELASTIC], lambda _: None),
    Family(transform_each, lambda: [ELASTIC], lambda _: None),
)
