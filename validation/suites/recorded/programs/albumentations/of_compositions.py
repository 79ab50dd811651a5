"""Programs that put transforms of albumentations together, with labels and more targets."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import pool
from .. import telling
from ..families import Family

GIVEN = ("replay", "others", "mosaic_metadata", "overlay_metadata")
"""Parts of a result that are what was given."""

JOINED = {
    "Compose": "compose(flips)",
    "nested": "compose([A.OneOf([*flips, A.Compose(noise)], p=0.9), *noise])",
    "OneOf": "compose([A.OneOf([*noise, A.Blur(p=0.1)], p=1.0)])",
    "SomeOf": "compose([A.SomeOf([*flips, *noise], n=2)])",
    "replaced": "compose([A.SomeOf([*flips, *noise], n=4, replace=True)])",
    "Sequential": "compose([A.Sequential(flips, p=0.7)])",
    "RandomOrder": "compose([A.RandomOrder([*flips, *noise], n=3)])",
    "OneOrOther": "compose([A.OneOrOther(flips[0], noise[1], p=0.3)])",
    "channels": "compose([A.SelectiveChannelTransform(noise, channels=[1])])",
    "NoOp": "compose([A.NoOp()])",
    "p": "compose(flips, p=0.4)",
    "params": "compose(flips, save_applied_params=True)",
    "masks": "compose([A.Rotate(p=1.0)], mask_interpolation=1)",
}


def load_library() -> Any:
    """Return albumentations."""
    return importlib.import_module("albumentations")


def make_parts() -> dict[str, Any]:
    """Return a picture with all that may belong to it."""
    gray = pool.make_value("$gray")
    return {
        "image": pool.make_value("$photo"),
        "mask": gray // 64,
        "masks": [gray // 32, gray[::-1] // 64],
        "bboxes": np.array([[1.0, 2, 6, 9], [2, 0, 11, 15], [8, 10, 12, 16]]),
        "keypoints": np.array([[3.0, 4], [10, 12]]),
        "labels": ["a", "b", "a"],
        "sizes": [0.5, 1.5, 2.5],
        "kinds": ["x", "y"],
    }


def compose(parts: list[Any], **options: Any) -> Any:
    """Return a composition that takes boxes and points with labels."""
    library = load_library()
    boxes = library.BboxParams("pascal_voc", label_fields=["labels", "sizes"])
    points = library.KeypointParams("xy", label_fields=["kinds"])
    return library.Compose(parts, bbox_params=boxes, keypoint_params=points, seed=7, **options)


def apply(made: Any, **given: Any) -> Any:
    """Return all new parts of what a composition makes."""
    found = telling.attempt(lambda: made(**given))
    if not isinstance(found, dict):
        return found
    return telling.tell_parts({name: each for name, each in found.items() if name not in GIVEN})


def join_transforms_of(kind: str) -> list[Any]:
    """Return what a composition gives in three calls, and after it was written and read."""
    library = load_library()
    flips = [library.HorizontalFlip(p=0.5), library.RandomCrop(9, 8)]
    flips.append(library.RandomBrightnessContrast(p=0.9))
    noise = [library.GaussNoise(p=1.0), library.InvertImg(p=0.5)]
    names = {"A": library, "compose": compose, "flips": flips, "noise": noise}
    (made,) = telling.play_lines(JOINED[kind], **names)
    if isinstance(made, str):
        return [made]
    rows = [apply(made, **make_parts()) for _ in range(3)]
    written = telling.attempt(library.to_dict, made)
    again = telling.attempt(library.from_dict, written)
    telling.attempt(lambda: again.set_random_seed(7))
    rows += [apply(again, **make_parts()), len(made)]
    made.set_random_seed(9)
    rows += [apply(made, **make_parts()), made.seed, repr(made)]
    text = {**written, "__version__": ""} if isinstance(written, dict) else written
    return [*rows, str(text), [type(each).__name__ for each in made.transforms]]


ROOMS = """
A.CenterCrop3D(size=(3, 4, 5), p=1.0)
A.RandomCrop3D(size=(3, 4, 5), p=1.0)
A.CubicSymmetry(p=1.0)
A.Pad3D(padding=2, p=1.0)
A.PadIfNeeded3D(min_zyx=(7, 14, 15), p=1.0)
A.CoarseDropout3D(p=1.0)
"""

WRONG = """
dict(image=picture, mask=gray[:3])
dict(image=gray.tolist())
dict(mask=gray)
dict()
dict(image=picture, masks=gray.tolist())
dict(image=picture, other=3)
dict(image=picture.astype("int64"))
dict(image=picture, bboxes=[[1, 2, 3, 4]])
dict(image=picture[:0])
dict(image=None)
"""

TARGETS = {"image2": "image", "mask2": "mask", "boxes2": "bboxes", "points2": "keypoints"}


def keep_targets() -> list[Any]:
    """Return what compositions do with more targets, pictures, volumes, and wrong values."""
    library = load_library()
    picture, gray = (pool.make_value("$photo"), pool.make_value("$gray"))
    moves = [library.HorizontalFlip(p=1.0), library.Rotate((20, 20), p=1.0)]
    moves.append(library.GaussNoise(p=1.0))
    more = {"image2": picture[::-1].copy(), "mask2": gray, "points2": np.array([[1.0, 2, 0]])}
    more["boxes2"] = np.array([[1.0, 2, 6, 9, 1, 2]])
    rows = [apply(compose(moves, additional_targets=TARGETS), **make_parts(), **more)]
    made = library.Compose(moves, seed=3)
    many = {"images": np.stack([picture, picture[::-1]]), "masks": np.stack([gray, gray]) // 64}
    rows += [apply(made, **many), apply(made, image=picture, **many)]
    room = np.stack([gray[:12, :12]] * 5)
    parts = {"volume": room, "mask3d": room // 64, "keypoints": np.zeros((0, 3))}
    for kind in telling.play_lines(ROOMS, A=library):
        rows.append(apply(telling.attempt(library.Compose, [kind], seed=3), **parts))
    for given in telling.play_lines(WRONG, picture=picture, gray=gray):
        for options in ({}, {"is_check_shapes": False}, {"strict": True}):
            made = telling.attempt(library.Compose, moves[:1], seed=3, **options)
            rows.append(apply(made, **given))
    rows.append(telling.attempt(moves[0], picture))
    return [*rows, [telling.attempt(library.Compose, each) for each in (3, [3], None)]]


def keep_one(params: Any, **given: Any) -> Any:
    """Return what a crop, a turn and a flip leave of boxes or points."""
    library = load_library()
    moves = [library.Crop(2, 3, 9, 12, p=1.0), library.Rotate((30, 30), p=1.0)]
    moves.append(library.HorizontalFlip(p=1.0))
    name = "keypoint_params" if "keypoints" in given else "bbox_params"
    made = telling.attempt(library.Compose, moves, seed=7, **{name: params})
    return apply(made, image=pool.make_value("$gray"), **given)


FORMS = {"xy": [0, 1], "yx": [1, 0], "xya": [0, 1, 2], "xys": [0, 1, 3], "xyas": [0, 1, 2, 3]}
FORMS |= {"xysa": [0, 1, 3, 2], "xyz": [0, 1, 3], "zz": [0]}

POINT_OPTIONS = """
A.KeypointParams(form)
A.KeypointParams(form, remove_invisible=False)
A.KeypointParams(form, angle_in_degrees=False)
A.KeypointParams(form, label_fields=["kinds"])
A.KeypointParams(form, check_each_transform=False)
"""

BOX_OPTIONS = """
A.BboxParams(form, ["kinds"])
A.BboxParams(form, ["kinds"], min_area=20.0)
A.BboxParams(form, ["kinds"], min_visibility=0.5)
A.BboxParams(form, ["kinds"], min_width=4.0)
A.BboxParams(form, ["kinds"], min_height=5.0)
A.BboxParams(form, ["kinds"], clip=True)
A.BboxParams(form, ["kinds"], check_each_transform=False)
A.BboxParams(form, ["kinds"], filter_invalid_bboxes=True)
A.BboxParams(form, ["kinds"], max_accept_ratio=1.2)
A.BboxParams(form, ["kinds", "names"])
"""

BOX_CASES = """
keep_one(params, bboxes=boxes)
keep_one(params, bboxes=boxes[:, :3], kinds=[1] * 4)
keep_one(params, bboxes=boxes, kinds=[1])
keep_one(params, bboxes=[], kinds=[])
keep_one(params, bboxes=boxes[:, [2, 1, 0, 3]], kinds=[1] * 4)
keep_one(A.BboxParams("pascal_voc"), bboxes=[[1, 2, 6, 9, "x"], [2, 0, 11, 15, "y"]])
"""


def keep_points() -> list[Any]:
    """Return points with their labels after a crop, for each of the options."""
    points = np.array([[3.0, 4, 20, 1.5], [10, 12, 200, 0.5], [5, 6, 300, 2]])
    return [
        keep_one(params, keypoints=points[:, places], kinds=[1, 2, 3])
        for form, places in FORMS.items()
        for params in telling.play_lines(POINT_OPTIONS, A=load_library(), form=form)
    ]


def keep_boxes_with_labels() -> list[Any]:
    """Return boxes with their labels after a crop, for each of the options."""
    library = load_library()
    boxes = np.array([[1.0, 2, 6, 9], [2, 0, 11, 15], [8, 10, 12, 16], [0, 0, 3, 4]])
    choices = telling.play_lines(BOX_OPTIONS, A=library, form="pascal_voc")
    rows = [
        keep_one(params, bboxes=boxes + shift, kinds=[3, 1, 2, 4], names=["a", "b", "c", "d"])
        for params in choices
        for shift in (0.0, -2.0, 30.0)
    ]
    names = {"A": library, "params": choices[0], "boxes": boxes, "keep_one": keep_one}
    return rows + telling.play_lines(BOX_CASES, **names)


WITH_OTHERS = """
apply_one(A.FDA((0.1, 0.1), metadata_key="others", p=1.0), others=[other])
apply_one(A.HistogramMatching((0.5, 0.6), metadata_key="others", p=1.0), others=[other])
apply_one(A.PixelDistributionAdaptation(metadata_key="others", p=1.0), others=[other])
apply_one(A.Mosaic((2, 2), (20, 18), (10, 9), fit_mode="contain", p=1.0), mosaic_metadata=more)
apply_one(A.OverlayElements(p=1.0), overlay_metadata=over)
apply_one(half, mask=other)
apply_one(tensors.ToTensorV2(), mask=other)
apply_one(tensors.ToTensorV2(transpose_mask=True), mask=other)
str(A.to_dict(half))[-60:]
"""


def replay_changes() -> list[Any]:
    """Return what is given again by what was written down, and transforms with given functions."""
    library = load_library()
    choice = library.OneOf([library.Rotate(p=1.0), library.RandomCrop(9, 8)], p=1.0)
    made = library.ReplayCompose([choice, library.GaussNoise(p=0.5)])
    made.set_random_seed(5)
    picture = pool.make_value("$photo")
    other = picture[::-1].copy()
    rows: list[Any] = []
    for _ in range(3):
        given = made(image=picture)
        again = library.ReplayCompose.replay(given["replay"], image=other)
        rows += [telling.scale_pixels(each["image"]) for each in (given, again)]
    over = {"image": other[:5, :4], "bbox": [0.2, 0.2, 0.6, 0.7], "mask": np.ones((5, 4), np.uint8)}
    halves = {"image": lambda image, **_: image // 2, "mask": lambda mask, **_: mask + 1}
    names = {"A": library, "other": other, "over": over, "more": [{"image": other}] * 3}
    names["half"] = library.Lambda(**halves, name="half", p=1.0)
    names["tensors"] = importlib.import_module("albumentations.pytorch")
    names["apply_one"] = lambda each, **parts: apply(
        library.Compose([each], seed=3), image=picture, **parts
    )
    return rows + telling.play_lines(WITH_OTHERS, **names)


PARTS: dict[str, Callable[[], list[Any]]] = {
    "targets": keep_targets,
    "boxes": keep_boxes_with_labels,
    "points": keep_points,
    "replay": replay_changes,
}


def use_augmentations(name: str) -> list[Any]:
    """Return what a part of albumentations gives."""
    return PARTS[name]()


OF_COMPOSITIONS = (
    Family(join_transforms_of, lambda: [*JOINED], lambda _: None),
    Family(use_augmentations, lambda: [*PARTS], lambda _: None),
)
