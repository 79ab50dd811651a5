"""Programs that put transforms of albumentations together, and give them all that they take."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import pool
from . import telling
from .families import Family
from .of_pictures import augment

CROPS: list[dict[str, Any]] = [
    {"name": "Crop", "x_min": 1, "y_min": 2, "x_max": 9, "y_max": 12},
    {"name": "Crop", "x_min": -3, "y_min": 2, "x_max": 20, "y_max": 30, "pad_if_needed": True},
    *(
        {
            "name": "RandomCrop",
            "height": 20,
            "width": 9,
            "pad_if_needed": True,
            "pad_position": place,
        }
        for place in ("center", "top_left", "top_right", "bottom_left", "bottom_right", "random")
    ),
    {"name": "CenterCrop", "height": 20, "width": 20, "pad_if_needed": True, "border_mode": 2},
    {
        "name": "CenterCrop",
        "height": 20,
        "width": 9,
        "pad_if_needed": True,
        "fill": 7,
        "fill_mask": 3,
    },
    {"name": "RandomResizedCrop", "size": (9, 8), "scale": (0.3, 0.6), "ratio": (0.5, 0.9)},
    {"name": "RandomResizedCrop", "size": (9, 8), "area_for_downscale": "image_mask"},
    {"name": "RandomSizedCrop", "min_max_height": (4, 9), "size": (6, 5), "w2h_ratio": 0.7},
    *(
        {"name": "CropAndPad", "px": px}
        for px in (2, -3, (-2, 3), ((1, 2), (1, 3), (-2, 1), (0, 1)), [1, -1])
    ),
    *({"name": "CropAndPad", "percent": part} for part in (0.1, -0.2, (-0.1, 0.2), [0.1, -0.1])),
    {
        "name": "CropAndPad",
        "px": (-2, 3),
        "keep_size": False,
        "sample_independently": False,
        "fill": (1, 9),
    },
    {"name": "RandomCropFromBorders", "crop_left": 0.3, "crop_top": 0.2},
    {"name": "BBoxSafeRandomCrop", "erosion_rate": 0.5},
    {"name": "RandomSizedBBoxSafeCrop", "height": 8, "width": 7, "erosion_rate": 0.2},
    {"name": "CropNonEmptyMaskIfExists", "height": 5, "width": 4},
    {"name": "CropNonEmptyMaskIfExists", "height": 5, "width": 4, "ignore_values": [1, 2]},
    {"name": "AtLeastOneBBoxRandomCrop", "height": 8, "width": 6, "erosion_factor": 0.3},
    {"name": "RandomCropNearBBox", "max_part_shift": (0.1, 0.4)},
]


SIZES: list[dict[str, Any]] = [
    {"name": "Resize", "height": 7, "width": 20, "interpolation": 2},
    *(
        {"name": name, "max_size": size}
        for name in ("LongestMaxSize", "SmallestMaxSize")
        for size in (9, [7, 30])
    ),
    *(
        {"name": name, "max_size_hw": size}
        for name in ("LongestMaxSize", "SmallestMaxSize")
        for size in ((8, 8), (None, 9), (20, None))
    ),
    {"name": "RandomScale", "scale_limit": (0.3, 0.5), "mask_interpolation": 1},
    *(
        {"name": "PadIfNeeded", "min_height": 20, "min_width": 21, "position": place}
        for place in ("center", "top_left", "random")
    ),
    {
        "name": "PadIfNeeded",
        "min_height": None,
        "min_width": None,
        "pad_height_divisor": 7,
        "pad_width_divisor": 5,
    },
    *(
        {"name": "Pad", "padding": size, "border_mode": mode}
        for size, mode in ((2, 0), ((1, 3), 1), ((1, 2, 3, 4), 4))
    ),
    *(
        {"name": "Affine", **options}
        for options in (
            *(
                {"scale": (0.7, 0.7)},
                {"translate_px": {"x": 2, "y": -3}},
                {"translate_percent": 0.2},
            ),
            *(
                {"rotate": 30, "fit_output": True},
                {"shear": {"x": 10, "y": (5, 5)}},
                {"rotate": 20, "keep_ratio": True},
            ),
            {"rotate": 20, "rotate_method": "ellipse", "balanced_scale": True, "border_mode": 1},
        )
    ),
    *(
        {"name": "Rotate", "limit": (20, 40), **options}
        for options in ({"crop_border": True}, {"rotate_method": "ellipse"}, {"border_mode": 4})
    ),
    *(
        {"name": "Perspective", **options}
        for options in ({"scale": 0.2}, {"fit_output": True}, {"keep_size": False})
    ),
    {"name": "RandomGridShuffle", "grid": (2, 3)},
    *({"name": name, "p": 1.0} for name in ("D4", "Transpose", "SquareSymmetry", "RandomRotate90")),
    {"name": "ShiftScaleRotate", "shift_limit": 0.2, "rotate_limit": 30},
    {"name": "GridElasticDeform", "num_grid_xy": (3, 4), "magnitude": 3},
    *(
        {"name": "ElasticTransform", "alpha": 20, "sigma": 3, "same_dxdy": same}
        for same in (True, False)
    ),
    {"name": "OpticalDistortion", "distort_limit": 0.5, "mode": "fisheye"},
    {"name": "GridDistortion", "num_steps": 3, "distort_limit": 0.5, "normalized": False},
    {"name": "ThinPlateSpline", "scale_range": (0.3, 0.3), "num_control_points": 3},
    {"name": "Morphological", "scale": (2, 3), "operation": "erosion"},
]


HOLES: list[dict[str, Any]] = [
    *(
        {
            "name": "CoarseDropout",
            "num_holes_range": (2, 3),
            "hole_height_range": (0.2, 0.4),
            "hole_width_range": (0.2, 0.4),
            "fill": fill,
        }
        for fill in (9, (1, 2, 3), "random", "random_uniform")
    ),
    {
        "name": "CoarseDropout",
        "hole_height_range": (0.5, 0.6),
        "hole_width_range": (0.5, 0.6),
        "fill_mask": 3,
    },
    *(
        {"name": "GridDropout", "ratio": 0.4, **options}
        for options in (
            {"holes_number_xy": (2, 3)},
            {"unit_size_range": (3, 5), "random_offset": False},
            {"shift_xy": (1, 2), "random_offset": False, "fill_mask": 1},
        )
    ),
    {
        "name": "XYMasking",
        "num_masks_x": (1, 2),
        "num_masks_y": 2,
        "mask_x_length": (2, 3),
        "mask_y_length": 2,
        "fill": 9,
    },
    *({"name": "MaskDropout", "max_objects": 2, "fill": fill, "fill_mask": 4} for fill in (0, 7.0)),
    *(
        {
            "name": "ConstrainedCoarseDropout",
            "num_holes_range": (2, 3),
            "hole_height_range": (0.3, 0.5),
            "hole_width_range": (0.3, 0.5),
            **which,
        }
        for which in ({"mask_indices": [1, 2]}, {"bbox_labels": [1]})
    ),
    {"name": "ChannelDropout", "channel_drop_range": (1, 2), "fill": 50},
    *(
        {"name": "PixelDropout", "dropout_prob": 0.3, **options}
        for options in ({"per_channel": True}, {"drop_value": None}, {"mask_drop_value": 5})
    ),
    {"name": "TimeMasking", "time_mask_param": 5},
    {"name": "FrequencyMasking", "freq_mask_param": 5},
    {"name": "TimeReverse"},
]


COLOURS: list[dict[str, Any]] = [
    *(
        {"name": "Normalize", "normalization": kind}
        for kind in ("standard", "image", "image_per_channel", "min_max", "min_max_per_channel")
    ),
    {"name": "Normalize", "mean": 0.4, "std": (0.2, 0.3, 0.1), "max_pixel_value": 200.0},
    *(
        {"name": "ToGray", "method": kind}
        for kind in ("weighted_average", "from_lab", "desaturation", "average", "max", "pca")
    ),
    *(
        {"name": "CLAHE", "tile_grid_size": (2, 2)},
        {"name": "Equalize", "mode": "pil", "by_channels": False},
    ),
    *({"name": "Posterize", "num_bits": bits} for bits in (3, (2, 5), [1, 3, 5])),
    {"name": "AutoContrast", "cutoff": 5, "method": "pil"},
    *(
        {"name": "GaussNoise", "std_range": (0.1, 0.2), **options}
        for options in ({"per_channel": False}, {"noise_scale_factor": 0.5})
    ),
    *(
        {"name": "AdditiveNoise", "noise_type": kind, "spatial_mode": mode}
        for kind, mode in (
            ("uniform", "per_pixel"),
            ("gaussian", "shared"),
            ("laplace", "constant"),
            ("beta", "per_pixel"),
        )
    ),
    *(
        {"name": "ImageCompression", "compression_type": kind, "quality_range": (20, 30)}
        for kind in ("jpeg", "webp")
    ),
    *(
        {"name": "RandomBrightnessContrast", "brightness_by_max": way, "ensure_safe_range": way}
        for way in (True, False)
    ),
    *(
        {"name": "ColorJitter", "brightness": (0.5, 0.6), "hue": (0.2, 0.3)},
        {"name": "Solarize", "threshold_range": (0.2, 0.4)},
    ),
    *(
        {"name": "RandomToneCurve", "per_channel": True},
        {"name": "FancyPCA", "alpha": 0.5},
        {"name": "Sharpen", "method": "gaussian"},
    ),
    *({"name": "Illumination", "mode": kind} for kind in ("linear", "corner", "gaussian")),
    *(
        {"name": "Blur", "blur_limit": 5},
        {"name": "GlassBlur", "iterations": 1},
        {"name": "Defocus", "radius": 3},
    ),
    *(
        {"name": "MotionBlur", "blur_limit": (5, 7), "allow_shifted": False},
        {"name": "GaussianBlur", "sigma_limit": 1.5},
    ),
    *(
        {"name": "AdvancedBlur", "blur_limit": (3, 5)},
        {"name": "ZoomBlur"},
        {"name": "MedianBlur", "blur_limit": 5},
    ),
    *(
        {"name": "Superpixels", "n_segments": 9},
        {"name": "Downscale", "scale_range": (0.3, 0.4)},
        {"name": "UnsharpMask"},
    ),
    *(
        {"name": "ToRGB"},
        {"name": "ToSepia"},
        {"name": "ToFloat"},
        {"name": "ChannelShuffle"},
    ),
    *(
        {"name": "RandomFog"},
        {"name": "RandomRain", "rain_type": "heavy"},
        {"name": "RandomSnow", "method": "texture"},
    ),
    *(
        {"name": "RandomSunFlare", "src_radius": 6},
        {"name": "RandomShadow"},
        {"name": "Spatter", "mode": "mud"},
        {"name": "Spatter"},
    ),
    *(
        {"name": "SaltAndPepper"},
        {"name": "ShotNoise"},
        {"name": "ISONoise"},
        {"name": "MultiplicativeNoise", "elementwise": True},
    ),
    *(
        {"name": "RingingOvershoot"},
        {"name": "Emboss"},
        {"name": "PlanckianJitter", "mode": "cied"},
        {"name": "PlasmaBrightnessContrast"},
    ),
    *(
        {"name": "PlasmaShadow"},
        {"name": "HEStain", "method": "random_preset"},
        {"name": "RandomGravel"},
        {"name": "Dithering"},
    ),
]


KEPT = ("replay", "others", "mosaic_metadata", "overlay_metadata")
"""Parts of a result that are what was given."""

LISTS = {"crops": CROPS, "sizes": SIZES, "holes": HOLES, "colours": COLOURS}


def augment_each(part: str, first: int) -> list[Any]:
    """Return what ten transforms of a part make of a picture with all that belongs to it."""
    rows = []
    for options in LISTS[part][first : first + 10]:
        given = telling.attempt(augment, **{"p": 1.0, **options})
        given = {**given} if isinstance(given, dict) else {"error": given}
        rows.append([options["name"], *(tell_part(name, given[name]) for name in sorted(given))])
    return rows


def tell_part(name: str, value: Any) -> Any:
    """Return a part of a result with its name; bytes are made small, so that all parts count."""
    value = value.numpy() if hasattr(value, "numpy") else value
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu" and name != "labels":
        return [f"{name}{value.dtype}", value / 255]
    return [
        name,
        np.asarray(value) / 10 if name in ("bboxes", "keypoints") and len(value) else value,
    ]


def make_parts() -> dict[str, Any]:
    """Return a picture with all that may belong to it."""
    boxes, gray = (
        np.array([[1.0, 2, 6, 9], [2, 0, 11, 15], [8, 10, 12, 16]]),
        pool.make_value("$gray"),
    )
    return {
        "image": pool.make_value("$photo"),
        "mask": gray // 64,
        "masks": [gray // 32, gray[::-1] // 64],
        "bboxes": boxes,
        "keypoints": np.array([[3.0, 4], [10, 12]]),
        "labels": ["a", "b", "a"],
        "sizes": [0.5, 1.5, 2.5],
        "kinds": ["x", "y"],
    }


def compose(parts: list[Any], **options: Any) -> Any:
    """Return a composition that takes boxes and points with labels."""
    library = importlib.import_module("albumentations")
    boxes = library.BboxParams("pascal_voc", label_fields=["labels", "sizes"])
    points = library.KeypointParams("xy", label_fields=["kinds"])
    given = {"bbox_params": boxes, "keypoint_params": points, "seed": 7, **options}
    return library.Compose(parts, **given)


def tell_result(given: Any) -> list[Any]:
    """Return all parts of a result."""
    if not isinstance(given, dict):
        return [given]
    return [tell_part(name, given[name]) for name in sorted(given) if name not in KEPT]


def join_transforms_of(kind: str) -> list[Any]:
    """Return what a composition gives in three calls, and after it was written and read."""
    library = importlib.import_module("albumentations")
    flips = [
        library.HorizontalFlip(p=0.5),
        library.RandomCrop(9, 8),
        library.RandomBrightnessContrast(p=0.9),
    ]
    noise = [library.GaussNoise(p=1.0), library.InvertImg(p=0.5)]
    makers: dict[str, Callable[[], Any]] = {
        "Compose": lambda: compose(flips),
        "nested": lambda: compose([library.OneOf([*flips, library.Compose(noise)], p=0.9), *noise]),
        "OneOf": lambda: compose([library.OneOf([*noise, library.Blur(p=0.1)], p=1.0)]),
        "SomeOf": lambda: compose([library.SomeOf([*flips, *noise], n=2)]),
        "replaced": lambda: compose([library.SomeOf([*flips, *noise], n=4, replace=True)]),
        "Sequential": lambda: compose([library.Sequential(flips, p=0.7)]),
        "RandomOrder": lambda: compose([library.RandomOrder([*flips, *noise], n=3)]),
        "OneOrOther": lambda: compose([library.OneOrOther(flips[0], noise[1], p=0.3)]),
        "channels": lambda: compose([library.SelectiveChannelTransform(noise, channels=[1])]),
        "NoOp": lambda: compose([library.NoOp()]),
        "p": lambda: compose(flips, p=0.4),
        "params": lambda: compose(flips, save_applied_params=True),
        "masks": lambda: compose([library.Rotate(p=1.0)], mask_interpolation=1),
    }
    made = telling.attempt(makers[kind])
    if isinstance(made, str):
        return [made]
    rows = extend_join_transforms_of_1(library, made)
    return [*rows, repr(made), [type(each).__name__ for each in made.transforms]]


def extend_join_transforms_of_1(library: Any, made: Any) -> Any:
    """Add more results to those of `join_transforms_of`, and return what they are made with."""
    rows: list[Any] = [
        tell_result(telling.attempt(lambda m: m(**make_parts()), made)) for _ in range(3)
    ]
    written = telling.attempt(library.to_dict, made)
    text = str({**written, "__version__": ""}) if isinstance(written, dict) else written
    again = telling.attempt(library.from_dict, written)
    telling.attempt(lambda m: m.set_random_seed(7), again)
    rows += [text, tell_result(telling.attempt(lambda m: m(**make_parts()), again)), len(made)]
    made.set_random_seed(9)
    rows += [tell_result(telling.attempt(lambda m: m(**make_parts()), made)), made.seed]
    return rows


KEEP_TARGETS_CASES_1: Any = (
    *(
        ("CenterCrop3D", {"size": (3, 4, 5)}),
        ("RandomCrop3D", {"size": (3, 4, 5)}),
        ("CubicSymmetry", {}),
    ),
    *(
        ("Pad3D", {"padding": 2}),
        ("PadIfNeeded3D", {"min_zyx": (7, 14, 15)}),
        ("CoarseDropout3D", {}),
    ),
)


def keep_targets() -> list[Any]:
    """Return what compositions do with more targets, pictures, volumes, and wrong values."""
    library = importlib.import_module("albumentations")
    picture, gray = (pool.make_value("$photo"), pool.make_value("$gray"))
    moves = [
        library.HorizontalFlip(p=1.0),
        library.Rotate((20, 20), p=1.0),
        library.GaussNoise(p=1.0),
    ]
    targets = {"image2": "image", "mask2": "mask", "boxes2": "bboxes", "points2": "keypoints"}
    both = compose(moves, additional_targets=targets)
    parts = make_parts()
    more = {
        "image2": picture[::-1].copy(),
        "mask2": gray,
        "boxes2": np.array([[1.0, 2, 6, 9, 1, 2]]),
        "points2": np.array([[1.0, 2, 0]]),
    }
    rows: list[Any] = [tell_result(telling.attempt(both, **parts, **more))]
    made = library.Compose(moves, seed=3)
    many = {"images": np.stack([picture, picture[::-1]]), "masks": np.stack([gray, gray]) // 64}
    rows += [
        tell_result(telling.attempt(made, **many)),
        tell_result(telling.attempt(made, image=picture, **many)),
    ]
    room = np.stack([gray[:12, :12]] * 5)
    wrong = extend_keep_targets_1(gray, library, picture, room, rows)
    extend_keep_targets_2(library, moves, picture, rows, wrong)
    return telling.split_rows(rows)


def extend_keep_targets_1(gray: Any, library: Any, picture: Any, room: Any, rows: Any) -> Any:
    """Add more results to those of `keep_targets`, and return what they are made with."""
    for kind, options in KEEP_TARGETS_CASES_1:
        given = telling.attempt(
            lambda k, o: library.Compose([getattr(library, k)(**o, p=1.0)], seed=3), kind, options
        )
        rows.append(
            tell_result(
                telling.attempt(given, volume=room, mask3d=room // 64, keypoints=np.zeros((0, 3)))
            )
        )
    wrong: tuple[dict[str, Any], ...] = (
        *({"image": picture, "mask": gray[:3]}, {"image": gray.tolist()}, {"mask": gray}, {}),
        *(
            {"image": picture, "masks": gray.tolist()},
            {"image": picture, "other": 3},
            {"image": picture.astype("int64")},
        ),
        *({"image": picture, "bboxes": [[1, 2, 3, 4]]}, {"image": picture[:0]}, {"image": None}),
    )
    return wrong


def extend_keep_targets_2(library: Any, moves: Any, picture: Any, rows: Any, wrong: Any) -> None:
    """Add more results to those of `keep_targets`."""
    for given in wrong:
        for options in ({}, {"is_check_shapes": False}, {"strict": True}):
            rows.append(
                tell_result(
                    telling.attempt(
                        lambda o, g: library.Compose(moves[:1], seed=3, **o)(**g), options, given
                    )
                )
            )
    rows.append(tell_result(telling.attempt(lambda: moves[0](picture))))
    rows.append([telling.attempt(library.Compose, each) for each in (3, [3], None)])


KEEP_LABELS_CASES_2: Any = (
    *(
        {},
        {"min_area": 20.0},
        {"min_visibility": 0.5},
        {"min_width": 4.0},
        {"min_height": 5.0},
        {"clip": True},
    ),
    *({"check_each_transform": False}, {"filter_invalid_bboxes": True}, {"max_accept_ratio": 1.2}),
    {"label_fields": ["kinds", "names"]},
)


def keep_labels(part: str) -> list[Any]:
    """Return boxes or points with their labels after a crop, for each of the options."""
    library = importlib.import_module("albumentations")
    moves = [
        library.Crop(2, 3, 9, 12, p=1.0),
        library.Rotate((30, 30), p=1.0),
        library.HorizontalFlip(p=1.0),
    ]
    rows: list[Any] = []
    if part == "points":
        extend_keep_labels_1(moves, rows)
        return telling.split_rows(rows)
    boxes = extend_keep_labels_2(moves, rows)
    extend_keep_labels_3(moves, rows, boxes)
    return telling.split_rows(rows)


def extend_keep_labels_1(moves: Any, rows: Any) -> None:
    """Add more results to those of `keep_labels`."""
    points = np.array([[3.0, 4, 20, 1.5], [10, 12, 200, 0.5], [5, 6, 300, 2]])
    for form, places in (
        ("xy", [0, 1]),
        ("yx", [1, 0]),
        ("xya", [0, 1, 2]),
        ("xys", [0, 1, 3]),
        ("xyas", [0, 1, 2, 3]),
        ("xysa", [0, 1, 3, 2]),
        ("xyz", [0, 1, 3]),
        ("zz", [0]),
    ):
        for options in (
            {},
            {"remove_invisible": False},
            {"angle_in_degrees": False},
            {"label_fields": ["kinds"]},
            {"check_each_transform": False},
        ):
            given = {"keypoints": points[:, places], "kinds": [1, 2, 3]}
            rows.append(
                tell_result(
                    telling.attempt(keep_one, moves, {"keypoint_params": (form, options)}, given)
                )
            )


def extend_keep_labels_2(moves: Any, rows: Any) -> Any:
    """Add more results to those of `keep_labels`, and return what they are made with."""
    boxes = np.array([[1.0, 2, 6, 9], [2, 0, 11, 15], [8, 10, 12, 16], [0, 0, 3, 4]])
    for options in KEEP_LABELS_CASES_2:
        named = {"label_fields": ["kinds"], **options}
        for shift in (0.0, -2.0, 30.0):
            given = {"bboxes": boxes + shift, "kinds": [3, 1, 2, 4], "names": ["a", "b", "c", "d"]}
            rows.append(
                tell_result(
                    telling.attempt(keep_one, moves, {"bbox_params": ("pascal_voc", named)}, given)
                )
            )
    return boxes


def extend_keep_labels_3(moves: Any, rows: Any, boxes: Any) -> None:
    """Add more results to those of `keep_labels`."""
    cases: Any = (
        {"bboxes": boxes},
        {"bboxes": boxes[:, :3], "kinds": [1] * 4},
        {"bboxes": boxes, "kinds": [1]},
        {"bboxes": [], "kinds": []},
        {"bboxes": boxes[:, [2, 1, 0, 3]], "kinds": [1] * 4},
    )
    for given in cases:
        rows.append(
            tell_result(
                telling.attempt(
                    keep_one,
                    moves,
                    {"bbox_params": ("pascal_voc", {"label_fields": ["kinds"]})},
                    given,
                )
            )
        )
    listed = {"bboxes": [[1, 2, 6, 9, "x"], [2, 0, 11, 15, "y"]]}
    rows.append(
        tell_result(telling.attempt(keep_one, moves, {"bbox_params": ("pascal_voc", {})}, listed))
    )


def keep_one(moves: list[Any], options: dict[str, Any], given: dict[str, Any]) -> Any:
    """Return what one composition makes of boxes or points."""
    library = importlib.import_module("albumentations")
    kinds = {"bbox_params": library.BboxParams, "keypoint_params": library.KeypointParams}
    made = {name: kinds[name](form, **more) for name, (form, more) in options.items()}
    return library.Compose(moves, seed=7, **made)(image=pool.make_value("$gray"), **given)


REPLAY_CHANGES_CASES_3: Any = (
    *(("FDA", {"beta_limit": (0.1, 0.1)}), ("HistogramMatching", {"blend_ratio": (0.5, 0.6)})),
    *(
        ("PixelDistributionAdaptation", {"transform_type": each})
        for each in ("pca", "standard", "minmax")
    ),
)


def replay_changes() -> list[Any]:
    """Return what is given again by what was written down, and transforms with given functions."""
    library = importlib.import_module("albumentations")
    moves = [
        library.OneOf([library.Rotate(p=1.0), library.RandomCrop(9, 8)], p=1.0),
        library.GaussNoise(p=0.5),
    ]
    made = library.ReplayCompose(moves)
    made.set_random_seed(5)
    picture = pool.make_value("$photo")
    rows: list[Any] = []
    for _ in range(3):
        given = made(image=picture)
        again = library.ReplayCompose.replay(given["replay"], image=picture[::-1].copy())
        rows += [
            tell_result(given),
            tell_result(again),
            str({**given["replay"], "__version__": ""}).split("seed")[0][:90],
        ]
    lambdas = library.Lambda(
        image=lambda image, **_: image // 2, mask=lambda mask, **_: mask + 1, name="half", p=1.0
    )
    parts = {"image": picture, "mask": pool.make_value("$gray")}
    rows += [
        tell_result(library.Compose([lambdas])(**parts)),
        str(telling.attempt(library.to_dict, lambdas))[-60:],
    ]
    other = pool.make_value("$photo")[::-1].copy()
    extend_replay_changes_1(library, other, picture, rows)
    extend_replay_changes_2(library, other, picture, rows)
    return telling.split_rows(rows)


def extend_replay_changes_1(library: Any, other: Any, picture: Any, rows: Any) -> None:
    """Add more results to those of `replay_changes`."""
    for kind, options in REPLAY_CHANGES_CASES_3:
        named = {"metadata_key": "others", "p": 1.0, **options}
        rows.append(
            tell_result(
                telling.attempt(
                    lambda k, n: library.Compose([getattr(library, k)(**n)], seed=3)(
                        image=picture, others=[other]
                    ),
                    kind,
                    named,
                )
            )
        )
    others = [{"image": other, "bboxes": [[1, 2, 5, 6, 1]]}] * 3
    mosaic = telling.attempt(
        library.Mosaic, target_size=(20, 18), cell_shape=(10, 9), fit_mode="contain", p=1.0
    )
    rows.append(
        tell_result(
            telling.attempt(
                lambda: library.Compose(
                    [mosaic], seed=3, bbox_params=library.BboxParams("pascal_voc")
                )(image=picture, bboxes=[[1, 2, 6, 7, 0]], mosaic_metadata=others)
            )
        )
    )


def extend_replay_changes_2(library: Any, other: Any, picture: Any, rows: Any) -> None:
    """Add more results to those of `replay_changes`."""
    over = {"image": other[:5, :4], "bbox": [0.2, 0.2, 0.6, 0.7], "mask": np.ones((5, 4), np.uint8)}
    rows.append(
        tell_result(
            telling.attempt(
                lambda: library.Compose([library.OverlayElements(p=1.0)], seed=3)(
                    image=picture, overlay_metadata=over
                )
            )
        )
    )
    tensors = importlib.import_module("albumentations.pytorch")
    for options in ({}, {"transpose_mask": True}):
        rows.append(
            tell_result(
                library.Compose([tensors.ToTensorV2(**options)])(image=picture, mask=picture)
            )
        )


JOINED = (
    *(
        "Compose",
        "nested",
        "OneOf",
        "SomeOf",
        "replaced",
        "Sequential",
        "RandomOrder",
        "OneOrOther",
    ),
    *("channels", "NoOp", "p", "params", "masks"),
)


PROGRAMS: dict[str, Callable[[], list[Any]]] = {
    "targets": keep_targets,
    "boxes": lambda: keep_labels("boxes"),
    "points": lambda: keep_labels("points"),
    "replay": replay_changes,
}


def use_augmentations(name: str) -> list[Any]:
    """Return what a part of albumentations gives."""
    return PROGRAMS[name]()


def list_parts_of_ten() -> list[str]:
    """Return the values of calls for all transforms with options."""
    return [f"'{part}',{n}" for part, rows in LISTS.items() for n in range(0, len(rows), 10)]


OF_AUGMENTATIONS = (
    Family(augment_each, list_parts_of_ten, lambda _: None),
    Family(join_transforms_of, lambda: [*JOINED], lambda _: None),
    Family(use_augmentations, lambda: [*PROGRAMS], lambda _: None),
)
