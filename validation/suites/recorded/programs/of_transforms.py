"""Programs with transforms, data sets, files and drawings of torchvision."""

from __future__ import annotations

import copy
import importlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import pool
from . import telling
from .families import Family, find_in, list_kinds_of

ELASTIC = "'ElasticTransform',alpha=9.0,sigma=0.5"


"""Its defaults are for larger pictures."""


def tell_picture(value: Any) -> Any:
    """Return a picture of Pillow as its pixels with its mode, and anything else as it is."""
    if hasattr(value, "getbands"):
        return [value.mode, tell_picture(np.asarray(value))]
    kind = str(getattr(value, "dtype", "")).removeprefix("torch.")
    if kind not in ("uint8", "int64", "int32"):
        return value
    # Bytes are made small, or they would hide the other numbers.
    if isinstance(value, torch.Tensor):
        return [kind, type(value).__name__, value.as_subclass(torch.Tensor).double() / 255]
    return [kind, value / 255]


def list_inputs() -> list[Any]:
    """Return a picture as transforms take it: of Pillow, of bytes, of numbers, and many."""
    pictures = [pool.make_value(each) for each in ("$pil", "$pil_gray", "$byte_picture")]
    numbers = pictures[2].float() / 255
    return [*pictures, numbers, torch.stack([numbers, numbers.flip(1)]), numbers[:1].double()]


def apply_all(made: Any, inputs: list[Any]) -> list[Any]:
    """Return what a transform makes of each input, twice."""
    rows = []
    for given in inputs:
        pool.set_seeds()
        for _ in range(2):
            found = telling.attempt(made, given)
            found = [*map(tell_picture, found)] if isinstance(found, tuple | list) else found
            rows.append(tell_picture(found))
    return rows


def transform_plainly(name: str, *values: Any, **options: Any) -> list[Any]:
    """Return what a transform of the first kind makes of pictures of each type."""
    kind = getattr(importlib.import_module("torchvision.transforms"), name)
    made = kind(*values, **options)
    rows = apply_all(made, [*list_inputs(), pool.make_value("$photo")])
    if all(isinstance(each, str) for each in rows):
        raise ValueError("it takes no picture")
    return [*rows, repr(made)]


def transform_each(name: str, *values: Any, **options: Any) -> list[Any]:
    """Return what a transform of the second kind makes of pictures of each type, and of films."""
    home = importlib.import_module("torchvision.transforms.v2")
    tensors = importlib.import_module("torchvision.tv_tensors")
    made = getattr(home, name)(*values, **options)
    picture = pool.make_value("$byte_picture")
    film = tensors.Video(torch.stack([picture, picture.flip(1), picture]))
    inputs = [*list_inputs(), film, tensors.Image(picture[None])]
    inputs += [pool.make_value("$tv_boxes"), pool.make_value("$tv_mask")]
    rows = apply_all(made, inputs)
    if all(isinstance(each, str) for each in rows):
        raise ValueError("it takes no picture")
    return [*rows, repr(made)]


def make_sample() -> dict[str, Any]:
    """Return a picture with boxes, a mask and classes."""
    names = ("$tv_image", "$tv_boxes", "$tv_mask", "$classes")
    return {name[1:]: pool.make_value(name) for name in names}


def join_transforms() -> list[Any]:
    """Return what transforms made of others do, of both kinds."""
    rows: list[Any] = []
    for module in ("torchvision.transforms", "torchvision.transforms.v2"):
        home = importlib.import_module(module)
        parts = [home.RandomHorizontalFlip(1.0), home.Resize((7, 5)), home.RandomVerticalFlip(0.5)]
        for make in (
            lambda h, p: h.Compose(p),
            *(lambda h, p: h.RandomApply(p), lambda h, p: h.RandomApply(p, 0.2)),
            *(lambda h, p: h.RandomChoice(p), lambda h, p: h.RandomChoice(p, [0.1, 0.8, 0.1])),
            *(lambda h, p: h.RandomOrder(p), lambda h, p: h.Compose([])),
            *(lambda h, p: h.RandomChoice(p, [1.0]), lambda h, p: h.Lambda(len)),
            lambda h, p: h.Compose([h.RandomChoice(p), h.RandomApply(p, 0.9), h.Grayscale()]),
            *(lambda h, p: h.Compose(p[0]), lambda h, p: h.Lambda(3)),
        ):
            made = telling.attempt(make, home, parts)
            found = apply_all(made, [pool.make_value("$pil"), pool.make_value("$byte_picture")])
            rows += [found, telling.attempt(lambda m: repr(m).split(" at 0x")[0], made)]
            if "v2" in module:
                pool.set_seeds()
                rows += [telling.attempt(made, make_sample()) for _ in range(2)]
                rows.append(
                    telling.attempt(made, pool.make_value("$tv_image"), [torch.ones(3), "a"], 5)
                )
    return telling.split_rows(rows)


def mix_batches() -> list[Any]:
    """Return batches whose pictures and classes were mixed."""
    home = importlib.import_module("torchvision.transforms.v2")
    rows: list[Any] = []
    pictures, classes = torch.rand(4, 3, 8, 6), torch.tensor([0, 2, 1, 2])
    shares = torch.nn.functional.one_hot(classes, 3).float()
    for kind in (home.MixUp, home.CutMix):
        for options in (
            {"num_classes": 3},
            {"num_classes": 4, "alpha": 0.3},
            {},
            {"num_classes": 2},
        ):
            made = telling.attempt(kind, **options)
            for batch in (
                *((pictures, classes), {"picture": pictures, "label": classes}, (pictures, shares)),
                *((pictures[0], classes), (pictures, classes[:2]), (pictures, {"names": classes})),
            ):
                pool.set_seeds()
                rows.append(
                    telling.attempt(made, *batch)
                    if isinstance(batch, tuple)
                    else telling.attempt(made, batch)
                )
            rows.append(repr(made))
        rows.append(
            kind(num_classes=3, labels_getter=lambda given: given[1][0])(pictures, [classes, "x"])
        )
    return telling.split_rows(rows)


CLEAN_BOXES_CASES_1: Any = (
    *({}, {"min_size": 2.0}, {"min_area": 12.0}, {"labels_getter": None}),
    *({"labels_getter": lambda given: (given["labels"], given["areas"])}, {"min_size": 0}),
    {"labels_getter": lambda given: given["areas"]},
)


def clean_boxes() -> list[Any]:
    """Return boxes after wrong ones were taken out, and other transforms of boxes."""
    home = importlib.import_module("torchvision.transforms.v2")
    tensors = importlib.import_module("torchvision.tv_tensors")
    rows: list[Any] = []
    corners = torch.tensor(
        [[1.0, 1, 6, 7], [2, 0, 2.5, 5], [-3, 3, 4, 8], [1, 2, 60, 8], [4, 4, 4, 4]]
    )
    extend_clean_boxes_1(corners, home, rows, tensors)
    return telling.split_rows(rows)


def extend_clean_boxes_1(corners: Any, home: Any, rows: Any, tensors: Any) -> None:
    """Add more results to those of `clean_boxes`."""
    for form in ("XYXY", "XYWH", "CXCYWH"):
        boxes = tensors.BoundingBoxes(corners, format=form, canvas_size=(16, 12))
        labels, areas = (torch.arange(5), torch.arange(5.0))
        masks = tensors.Mask(torch.arange(5 * 4).view(5, 2, 2))
        sample = {"boxes": boxes, "labels": labels, "areas": areas, "masks": masks, "id": 7}
        for options in CLEAN_BOXES_CASES_1:
            rows.append(
                telling.attempt(lambda o, s: home.SanitizeBoundingBoxes(**o)(s), options, sample)
            )
        rows += [telling.attempt(home.functional.sanitize_bounding_boxes, boxes, min_size=3.0)]
        rows += [telling.attempt(home.functional.sanitize_bounding_boxes, corners, form, (16, 12))]
        rows += [home.ClampBoundingBoxes()(boxes), home.functional.get_size(boxes)]
        rows += [home.ConvertBoundingBoxFormat(each)(boxes) for each in ("XYXY", "XYWH", "CXCYWH")]
        for name in ("horizontal_flip", "vertical_flip"):
            rows.append(getattr(home.functional, name)(boxes))
        geometry = home.functional
        rows += [geometry.rotate(boxes, 30.0, expand=True), geometry.crop(boxes, 2, 1, 9, 7)]
        rows += [geometry.affine(boxes, 10.0, [1, 2], 1.2, [5.0, 3.0]), geometry.pad(boxes, [1, 2])]
        rows += [geometry.resize(boxes, [8]), geometry.resized_crop(boxes, 1, 2, 9, 8, [20, 30])]
        points = ([[0, 0], [11, 0], [11, 15], [0, 15]], [[1, 2], [10, 1], [11, 14], [2, 15]])
        rows.append(geometry.perspective(boxes, *points))
        rows.append(
            geometry.elastic(tensors.wrap(boxes * 0.1, like=boxes), torch.full((1, 16, 12, 2), 0.1))
        )
        rows.append(geometry.center_crop(boxes, [20, 6]))


def wrap_tensors() -> list[Any]:
    """Return what becomes of the types of tensors for pictures in the operations of torch."""
    home = importlib.import_module("torchvision.tv_tensors")
    functions = importlib.import_module("torchvision.transforms.v2.functional")
    rows: list[Any] = []
    extend_wrap_tensors_1(functions, home, rows)
    extend_wrap_tensors_2(functions, home, rows)
    return telling.split_rows([tell_picture(each) for each in rows])


def extend_wrap_tensors_1(functions: Any, home: Any, rows: Any) -> None:
    """Add more results to those of `wrap_tensors`."""
    for name in ("$tv_image", "$tv_boxes", "$tv_mask"):
        value = pool.make_value(name)
        steps: tuple[Callable[[Any], Any], ...] = (
            *(lambda v: v + 1, lambda v: v.clone(), copy.deepcopy, lambda v: v.to(torch.float64)),
            *(lambda v: v[0], lambda v: v.detach(), lambda v: v.add_(1), lambda v: v.sum()),
            *(lambda v: v.float().requires_grad_(), lambda v: home.wrap(v[..., :1], like=v)),
            *(
                lambda v: torch.stack([v, v]),
                lambda v: v.as_subclass(torch.Tensor),
                lambda v: v.chunk(2),
            ),
            *(copy.copy, lambda v: type(v)(v), lambda v: v.cpu()),
        )
        for kept in (False, True):
            with home.set_return_type("TVTensor" if kept else "Tensor"):
                for step in steps:
                    given = telling.attempt(step, pool.make_value(name))
                    rows.append(
                        [type(given).__name__, repr(given), getattr(given, "canvas_size", 0)]
                    )
        rows += [
            str(value.shape),
            repr(value),
            telling.attempt(type(value), [[1.0, 2, 3, 4]], dtype=torch.float64),
        ]
        rows += [telling.attempt(functions.to_pil_image, value), functions.get_size(value)]


def extend_wrap_tensors_2(functions: Any, home: Any, rows: Any) -> None:
    """Add more results to those of `wrap_tensors`."""
    for data in (pool.make_value("$pil"), pool.make_value("$pil_gray"), pool.make_value("$photo")):
        rows += [
            telling.attempt(home.Image, data),
            telling.attempt(home.Mask, data),
            functions.to_image(data),
        ]
        rows += [
            functions.pil_to_tensor(data) if hasattr(data, "mode") else functions.to_tensor(data)
        ]
    for form in ("XYXY", "xywh", "nothing"):
        given = {"format": form, "canvas_size": (9, 8), "requires_grad": True}
        rows.append(telling.attempt(home.BoundingBoxes, [[1.0, 2, 3, 4]], **given))
    rows += [
        telling.attempt(home.BoundingBoxes, torch.rand(1, 2, 4), format="XYXY", canvas_size=(9, 8))
    ]


def code_pictures() -> list[Any]:
    """Return pictures after torchvision wrote and read them, in each mode."""
    home = importlib.import_module("torchvision.io")
    picture, rows = pool.make_value("$byte_picture"), []
    files = [home.encode_png(picture, level) for level in (0, 9)] + [home.encode_png(picture[:1])]
    files += [
        home.encode_jpeg(picture),
        home.encode_jpeg(picture, 20),
        home.encode_jpeg(picture[:1]),
    ]
    for name in ("$pil_alpha", "$pil"):
        for form in ("PNG", "WEBP", "GIF"):
            pool.make_value(name).save(f"picture.{form}", lossless=True)
            files.append(home.read_file(f"picture.{form}"))
    for data in files:
        for mode in home.ImageReadMode:
            rows.append(telling.attempt(home.decode_image, data, mode))
        rows.append(telling.attempt(home.decode_image, data, "RGB", True))
    for name in ("decode_png", "decode_jpeg", "decode_gif", "decode_webp"):
        rows += [
            telling.attempt(getattr(home, name), data) for data in (*files, torch.zeros(9).byte())
        ]
    rows += [
        home.decode_jpeg([files[3], files[4]]),
        [len(each) for each in home.encode_jpeg([picture] * 2, 60)],
    ]
    home.write_png(picture, "a.png", 3)
    home.write_jpeg(picture, "a.jpg", quality=40)
    home.write_file("a.bytes", files[3])
    rows += [home.read_image("a.png"), home.read_image(Path("a.jpg"), home.ImageReadMode.GRAY)]
    rows += [home.read_file("a.bytes"), telling.attempt(home.read_image, "missing.png")]
    rows += [
        telling.attempt(home.encode_png, picture.float()),
        telling.attempt(home.encode_jpeg, picture, 0),
    ]
    return telling.split_rows([telling.tell_tensor(each) for each in rows])


READ_FOLDERS_CASES_2: Any = (
    *({}, {"transform": np.shape, "target_transform": str}, {"allow_empty": False}),
    *({"is_valid_file": lambda path: path.endswith("0.png")}, {"loader": lambda path: path[-8:]}),
    {"is_valid_file": lambda path: "0." in path, "allow_empty": True},
)


def read_folders() -> list[Any]:
    """Return what data sets made of files in folders give."""
    home = importlib.import_module("torchvision.datasets")
    rows: list[Any] = []
    for name, kind in (("cat", "png"), ("dog", "jpg"), ("dog", "txt"), ("ant", "bmp")):
        Path("data", name, "deep").mkdir(parents=True, exist_ok=True)
        for count in range(2):
            path = Path("data", name, "deep" if count else ".", f"{count}.{kind}")
            pool.make_value("$pil").save(path) if kind != "txt" else path.write_text("a text")
    Path("data/empty").mkdir(exist_ok=True)
    for options in READ_FOLDERS_CASES_2:
        made = telling.attempt(home.ImageFolder, "data", **{"allow_empty": True, **options})
        rows.append(
            telling.attempt(
                lambda m: [m.classes, m.class_to_idx, m.targets, len(m), m.imgs, repr(m)], made
            )
        )
        rows.append(
            telling.attempt(lambda m: [tell_picture(m[0][0]), m[0][1], str(m[-1])[:9]], made)
        )
    for kinds in ((".txt",), ("txt", ".bmp"), None):
        made = telling.attempt(
            home.DatasetFolder, "data", lambda path: path[-5:], kinds, allow_empty=True
        )
        rows.append(telling.attempt(lambda m: [[*m], m.classes, m.samples], made))
    tools = importlib.import_module("torchvision.datasets.folder")
    rows += [tools.is_image_file("a.JPEG"), tools.has_file_allowed_extension("a.b", (".c", ".b"))]
    extend_read_folders_1(home, rows, tools)
    return telling.split_rows(rows)


def extend_read_folders_1(home: Any, rows: Any, tools: Any) -> None:
    """Add more results to those of `read_folders`."""
    rows += [
        telling.attempt(tools.find_classes, "data/empty"),
        telling.attempt(tools.find_classes, "data"),
    ]
    fakes: tuple[dict[str, Any], ...] = (
        *({}, {"random_offset": 5}),
        {"transform": np.shape, "target_transform": torch.neg},
    )
    for options in fakes:
        fake = home.FakeData(3, (3, 5, 4), 4, **options)
        rows += [[tell_picture(fake[n][0]), fake[n][1]] for n in range(3)]
        rows += [len(fake), telling.attempt(fake.__getitem__, 3), repr(fake)]


def write_digits(folder: Path, train: bool) -> None:
    """Write files as MNIST has them."""
    name = "train" if train else "t10k"
    folder.mkdir(parents=True, exist_ok=True)
    digits = (np.arange(3 * 28 * 28) % 251).astype(np.uint8)
    (folder / f"{name}-images-idx3-ubyte").write_bytes(
        struct.pack(">iiii", 2051, 3, 28, 28) + digits.tobytes()
    )
    (folder / f"{name}-labels-idx1-ubyte").write_bytes(
        struct.pack(">ii", 2049, 3) + bytes([7, 2, 9])
    )


def read_known() -> list[Any]:
    """Return what well-known data sets give for small files of their forms."""
    home = importlib.import_module("torchvision.datasets")
    v2 = importlib.import_module("torchvision.transforms.v2")
    rows: list[Any] = []
    for kind in ("MNIST", "FashionMNIST", "KMNIST"):
        for train in (True, False):
            write_digits(Path("digits", kind, "raw"), train)
        for train in (True, False):
            made = getattr(home, kind)(
                "digits", train, transform=v2.PILToTensor(), target_transform=hex
            )
            rows += [
                telling.tell_tensor(made[1][0]),
                made[1][1],
                len(made),
                made.classes,
                made.class_to_idx,
                repr(made),
            ]
        rows.append(telling.attempt(getattr(home, kind), "nowhere"))
    base = Path("VOCdevkit/VOC2012")
    both = extend_read_known_1(base)
    extend_read_known_2(home, rows, v2, both)
    return telling.split_rows(rows)


def extend_read_known_1(base: Any) -> Any:
    """Add more results to those of `read_known`, and return what they are made with."""
    for part in (
        "JPEGImages",
        "Annotations",
        "SegmentationClass",
        "ImageSets/Main",
        "ImageSets/Segmentation",
    ):
        (base / part).mkdir(parents=True, exist_ok=True)
    pool.make_value("$pil").save(base / "JPEGImages/a.jpg")
    pool.make_value("$pil_gray").save(base / "SegmentationClass/a.png")
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>8</xmax><ymax>9</ymax></bndbox>"
    thing = f"<object><name>dog</name>{box}</object>"
    size = "<size><width>12</width><height>16</height></size>"
    (base / "Annotations/a.xml").write_text(f"<annotation>{size}{thing * 2}</annotation>")
    for part in ("Main", "Segmentation"):
        (base / "ImageSets" / part / "train.txt").write_text("a\n")
    return importlib.import_module("torchvision.datasets.vision").StandardTransform


def extend_read_known_2(home: Any, rows: Any, v2: Any, both: Any) -> None:
    """Add more results to those of `read_known`."""
    for kind in ("VOCDetection", "VOCSegmentation"):
        made = getattr(home, kind)(".", image_set="train", transforms=both(np.shape, None))
        rows += [[*map(tell_picture, made[0])], len(made), repr(made)]
        wrapped = telling.attempt(
            home.wrap_dataset_for_transforms_v2, getattr(home, kind)(".", image_set="train")
        )
        rows.append(telling.attempt(lambda w: [tell_picture(each) for each in w[0]], wrapped))
        rows.append(telling.attempt(getattr(home, kind), ".", image_set="other"))
        rows.append(
            telling.attempt(
                getattr(home, kind), ".", transforms=v2.Identity(), transform=v2.Identity()
            )
        )


def draw_results() -> list[Any]:
    """Return pictures with boxes, masks, points and flows drawn on them."""
    home = importlib.import_module("torchvision.utils")
    small = pool.make_value("$byte_picture")
    picture = torch.nn.functional.interpolate(small[None].float(), (40, 44))[0].byte()
    boxes = torch.tensor([[3.0, 4, 20, 25], [10, 6, 36, 30]])
    masks = torch.zeros(2, 40, 44, dtype=torch.bool)
    masks[0, 4:25, 3:20], masks[1, 6:30, 10:36] = (True, True)
    points = torch.tensor([[[5.0, 6], [15, 20], [30, 9]], [[12, 8], [30, 25], [4, 4]]])
    seen = torch.tensor([[True, False, True], [True, True, False]])
    rows: list[Any] = []
    extend_draw_results_1((boxes, home, masks, picture, points, rows, seen))
    extend_draw_results_2(home, masks, picture, points, rows)
    return telling.split_rows([tell_picture(each) for each in rows])


def extend_draw_results_1(given: Any) -> None:
    """Add more results to those of `draw_results`."""
    boxes, home, masks, picture, points, rows, seen = given
    for subject in (picture, picture / 255, picture[:1], picture.long()):
        for options in (
            *({}, {"colors": "red"}, {"colors": ["#ff00ff", (1, 2, 3)], "fill": True, "width": 3}),
            *(
                {"labels": ["a", None], "label_colors": "blue"},
                {"colors": ["red"]},
                {"labels": ["a"]},
            ),
        ):
            rows.append(telling.tell_call(home.draw_bounding_boxes, subject, boxes, **options))
        for options in ({}, {"alpha": 0.3, "colors": ["red", (1, 2, 3)]}, {"colors": "blue"}):
            rows.append(telling.attempt(home.draw_segmentation_masks, subject, masks, **options))
        lines = [(0, 1), (1, 2)]
        for options in (
            {},
            {"connectivity": lines, "width": 2},
            {"colors": "red", "radius": 4, "visibility": seen},
        ):
            rows.append(telling.tell_call(home.draw_keypoints, subject, points, **options))
    rows += [
        home.draw_bounding_boxes(picture, boxes[:0]),
        home.draw_segmentation_masks(picture, masks[:0]),
    ]


def extend_draw_results_2(home: Any, masks: Any, picture: Any, points: Any, rows: Any) -> None:
    """Add more results to those of `draw_results`."""
    rows += [
        home.draw_segmentation_masks(picture, masks[0]),
        telling.attempt(home.draw_keypoints, picture, points[0]),
    ]
    flow = torch.stack(torch.meshgrid(torch.arange(5.0), torch.arange(6.0), indexing="ij")) - 2
    rows += [home.flow_to_image(flow), home.flow_to_image(torch.stack([flow, -flow]))]
    rows += [
        telling.attempt(home.flow_to_image, flow.double()),
        telling.attempt(home.flow_to_image, flow[:1]),
    ]
    many = torch.rand(5, 3, 4, 5, generator=torch.Generator().manual_seed(3)) * 3 - 1
    grids: tuple[dict[str, Any], ...] = (
        *({}, {"nrow": 2, "padding": 1, "pad_value": 0.5}, {"normalize": True}, {"nrow": 9}),
        *({"normalize": True, "value_range": (-1, 1)}, {"normalize": True, "scale_each": True}),
    )
    for options in grids:
        rows += [home.make_grid(many, **options), home.make_grid([*many[:, :1]], **options)]
    rows += [
        home.make_grid(many[0]),
        home.make_grid(many[0, 0]),
        telling.attempt(home.make_grid, 3),
    ]
    home.save_image(many, "grid.png", nrow=3, normalize=True)
    rows.append(np.asarray(importlib.import_module("PIL.Image").open("grid.png")))


PARTS: dict[str, Callable[[], list[Any]]] = {
    "joined": join_transforms,
    "mixed": mix_batches,
    "cleaned": clean_boxes,
    "types": wrap_tensors,
    "codes": code_pictures,
    "folders": read_folders,
    "known": read_known,
    "drawn": draw_results,
}


def use_vision(name: str) -> list[Any]:
    """Return what a part of torchvision gives for pictures."""
    return PARTS[name]()


def list_plain() -> list[str]:
    """Return the transforms of the first kind."""
    home = importlib.import_module("torchvision.transforms")
    joined = (
        "Compose",
        "InterpolationMode",
        "RandomApply",
        "RandomChoice",
        "RandomOrder",
        "Lambda",
    )
    kinds = [*home.transforms.__all__, *home.autoaugment.__all__]
    return sorted({*kinds} - {*joined, "AutoAugmentPolicy"})


OF_TRANSFORMS = (
    Family(transform_plainly, list_plain, find_in("torchvision.transforms")),
    Family(
        transform_each,
        list_kinds_of("torchvision.transforms.v2", "Transform"),
        find_in("torchvision.transforms.v2"),
    ),
    Family(transform_plainly, lambda: [ELASTIC], lambda _: None),
    Family(transform_each, lambda: [ELASTIC], lambda _: None),
    Family(use_vision, lambda: [*PARTS], lambda _: None),
)
